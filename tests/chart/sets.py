"""Sets of values that each render much of the chart, and together all of it."""

from __future__ import annotations

from typing import Any

from cluster_cases import PEER

EVERYTHING: dict[str, Any] = {
    "nameOverride": "gpus",
    "commonLabels": {"team": "gpu"},
    "commonAnnotations": {"example.com/owner": "gpu"},
    "image.digest": "sha256:" + "0123456789abcdef" * 4,
    "imagePullSecrets": [{"name": "key"}],
    "updateStrategy.maxSurge": "100%",
    "podDisruptionBudget.maxUnavailable": "50%",
    "antiAffinity": "required",
    "tolerations": [{"key": "only", "operator": "Exists"}],
    "priorityClass.name": "",
    "priorityClass.create": True,
    "podAnnotations": {"a": "b"},
    "podLabels": {"a": "b"},
    "extraEnv": [{"name": "A", "value": "b"}],
    "extraArgs": ["--identity=me"],
    "networkPolicy.enabled": True,
    "networkPolicy.from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
    "networkPolicy.metricsFrom": [PEER],
    "networkPolicy.egress": [{"ports": [{"port": 443, "protocol": "TCP"}]}],
    "webhook.scope": "objectLabel",
    "webhook.gpuPodsOnly": True,
    "webhook.matchConditions": [{"name": "small", "expression": "object.spec.containers.size() < 9"}],
    "admissionPolicies.requirePlacement.enabled": True,
    "enforceStatic": True,
    "rewriteScheduler": True,
    "capacityFromNodes": True,
    "metrics.serviceMonitor.enabled": True,
    "metrics.serviceMonitor.labels": {"release": "prometheus"},
    "certificates.extraNames": ["fit.example"],
    "examples.enabled": True,
}
SETS: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "everything": EVERYTHING,
    "cert-manager and its own CA": {"certManager.enabled": True},
    "cert-manager and an issuer": {"certManager.enabled": True, "certManager.issuerRef.name": "ours"},
    "a Secret": {"existingSecret": "mine"},
    "a Secret and its CA": {"existingSecret": "mine", "webhook.caBundle": "eA=="},
    "updates are asked about": {"admissionPolicies.immutability.enabled": False, "webhook.scope": "all"},
    "pods that fit nowhere are refused": {
        "admissionPolicies.requirePlacement.enabled": True,
        "whenNothingFits": "deny",
        "webhook.scope": "all",
    },
    "audit only, and nothing besides": {
        "dryRun": True,
        "podDisruptionBudget.enabled": False,
        "antiAffinity": "none",
        "topologySpreadConstraints": [],
        "nodeSelector": {},
        "metrics.enabled": False,
        "flowControl.enabled": False,
    },
}
# Not where pods are held to a restricted standard.
HOST = {"hostNetwork": True}
