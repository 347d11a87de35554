"""What values change around the replicas: who asks them, whom they ask, and whose word is trusted."""

from __future__ import annotations

from tables import ABSENT, Case, Has, Lacks

POD = "spec template spec"
CONTAINER = f"{POD} containers 0"
ARGS = f"{CONTAINER} args"
WEBHOOK = "MutatingWebhookConfiguration"
PEER = {"podSelector": {"matchLabels": {"app": "asks"}}}
CONDITION = {"name": "big", "expression": "object.spec.containers.size() > 1"}
LABEL = {"key": "team", "operator": "In", "values": ["gpu"]}
REQUIRED = {"admissionPolicies.requirePlacement.enabled": True}
BY_CERT_MANAGER = {"certManager.enabled": True}
BY_USER = {"existingSecret": "mine"}

ACCOUNT = [
    Case("an account that is there", {"serviceAccount.create": False}, "ServiceAccount regionfit", "", ABSENT),
    Case(
        "which is the default one",
        {"serviceAccount.create": False},
        "Deployment",
        f"{POD} serviceAccountName",
        "default",
    ),
    Case(
        "or has a name",
        {"serviceAccount.create": False, "serviceAccount.name": "mine"},
        "ClusterRoleBinding",
        "subjects 0 name",
        "mine",
    ),
    Case("an account with a name", {"serviceAccount.name": "mine"}, "ServiceAccount mine", "metadata name", "mine"),
    Case(
        "which the policy knows",
        {"serviceAccount.name": "mine"},
        "ValidatingAdmissionPolicy",
        "spec matchConditions 0 expression",
        "request.userInfo.username != 'system:serviceaccount:regionfit:mine'",
    ),
    Case(
        "an account with annotations",
        {"serviceAccount.annotations": {"a": "b"}},
        "ServiceAccount regionfit",
        "metadata annotations a",
        "b",
    ),
    Case("roles of one's own", {"rbac.create": False}, "ClusterRole", "", ABSENT),
    Case("bound by oneself", {"rbac.create": False}, "RoleBinding regionfit", "", ABSENT),
]

NETWORK = [
    Case("IPv6", {"listenAddress": "[::]"}, "Deployment", ARGS, Has("--listen=[::]:8443")),
    Case("another port", {"port": 9443}, "Deployment", ARGS, Has("--listen=0.0.0.0:9443")),
    Case("which the Service finds", {"port": 9443}, "Deployment", f"{CONTAINER} ports 0 containerPort", 9443),
    Case("the node's network", {"hostNetwork": True}, "Deployment", f"{POD} hostNetwork", True),
    Case(
        "with the cluster's names", {"hostNetwork": True}, "Deployment", f"{POD} dnsPolicy", "ClusterFirstWithHostNet"
    ),
    Case(
        "and a port of the node",
        {"hostNetwork": True, "port": 9443},
        "Deployment",
        f"{CONTAINER} ports 0 hostPort",
        9443,
    ),
    Case(
        "which is why none is in excess",
        {"hostNetwork": True},
        "Deployment",
        "spec strategy rollingUpdate",
        {"maxUnavailable": 1, "maxSurge": 0},
    ),
    Case(
        "and each has its node",
        {"hostNetwork": True},
        "Deployment",
        f"{POD} affinity podAntiAffinity",
        Has("requiredDuringSchedulingIgnoredDuringExecution"),
    ),
    Case("another port of the Service", {"service.port": 9443}, "Service", "spec ports 0 port", 9443),
    Case("which is dialed", {"service.port": 9443}, WEBHOOK, "webhooks 0 clientConfig service port", 9443),
    Case("annotations of the Service", {"service.annotations": {"a": "b"}}, "Service", "metadata annotations a", "b"),
    Case(
        "connections to the ports alone",
        {"networkPolicy.enabled": True},
        "NetworkPolicy",
        "spec ingress 0",
        {"ports": [{"port": "https", "protocol": "TCP"}]},
    ),
    Case(
        "by some",
        {"networkPolicy.enabled": True, "networkPolicy.from": [PEER]},
        "NetworkPolicy",
        "spec ingress 0 from",
        [PEER],
    ),
    Case(
        "and others for metrics",
        {"networkPolicy.enabled": True, "networkPolicy.metricsFrom": [PEER]},
        "NetworkPolicy",
        "spec ingress 1 from",
        [PEER],
    ),
    Case(
        "no metrics, no port of theirs",
        {"networkPolicy.enabled": True, "metrics.enabled": False},
        "NetworkPolicy",
        "spec ingress 1",
        ABSENT,
    ),
    Case(
        "connections to some",
        {"networkPolicy.enabled": True, "networkPolicy.egress": [{"to": [PEER]}]},
        "NetworkPolicy",
        "spec egress",
        [{"to": [PEER]}],
    ),
    Case(
        "and no others",
        {"networkPolicy.enabled": True, "networkPolicy.egress": [{"to": [PEER]}]},
        "NetworkPolicy",
        "spec policyTypes",
        ["Ingress", "Egress"],
    ),
]

SCOPE = [
    Case(
        "pods that carry a label",
        {"webhook.scope": "objectLabel"},
        WEBHOOK,
        "webhooks 0 objectSelector",
        {"matchLabels": {"regionfit.io/enabled": "true"}},
    ),
    Case(
        "of any namespace",
        {"webhook.scope": "objectLabel"},
        WEBHOOK,
        "webhooks 0 namespaceSelector matchExpressions 1",
        ABSENT,
    ),
    Case("all pods", {"webhook.scope": "all"}, WEBHOOK, "webhooks 0 namespaceSelector matchExpressions 1", ABSENT),
    Case(
        "another label",
        {"webhook.label.key": "team"},
        WEBHOOK,
        "webhooks 0 namespaceSelector matchExpressions 1 key",
        "team",
    ),
    Case(
        "another value of it",
        {"webhook.label.value": "gpu"},
        WEBHOOK,
        "webhooks 0 namespaceSelector matchExpressions 1 values",
        ["gpu"],
    ),
    Case(
        "the policy has the same scope",
        {"webhook.label.key": "team", "webhook.label.value": "gpu"},
        "ValidatingAdmissionPolicy",
        "spec matchConstraints namespaceSelector matchExpressions",
        Has(LABEL),
    ),
    Case(
        "and the test",
        {"webhook.label.key": "team", "webhook.label.value": "gpu"},
        "Namespace",
        "metadata labels team",
        "gpu",
    ),
    Case(
        "no pods of some namespace",
        {"webhook.excludedNamespaces": ["kube-public"]},
        WEBHOOK,
        "webhooks 0 namespaceSelector matchExpressions 0 values",
        ["kube-system", "regionfit", "kube-public"],
    ),
    Case("no pods without an answer", {"webhook.failurePolicy": "Fail"}, WEBHOOK, "webhooks 0 failurePolicy", "Fail"),
    Case("more patience", {"webhook.timeoutSeconds": 30}, WEBHOOK, "webhooks 0 timeoutSeconds", 30),
    Case("GPU pods alone", {"webhook.gpuPodsOnly": True}, WEBHOOK, "webhooks 0 matchConditions 1 name", "requests-gpu"),
    Case(
        "with other GPUs",
        {"webhook.gpuPodsOnly": True, "gpuResources": ["amd.com/gpu"]},
        WEBHOOK,
        "webhooks 0 matchConditions 1 expression",
        Has("['amd.com/gpu'].exists"),
    ),
    Case(
        "another condition",
        {"webhook.matchConditions": [CONDITION]},
        WEBHOOK,
        "webhooks 0 matchConditions",
        Has(CONDITION),
    ),
    Case(
        "annotations of the configuration", {"webhook.annotations": {"a": "b"}}, WEBHOOK, "metadata annotations a", "b"
    ),
    Case(
        "no immutability",
        {"admissionPolicies.immutability.enabled": False},
        "ValidatingAdmissionPolicy regionfit-immutability",
        "",
        ABSENT,
    ),
    Case(
        "then updates are asked about",
        {"admissionPolicies.immutability.enabled": False},
        WEBHOOK,
        "webhooks 0 rules 0 operations",
        ["CREATE", "UPDATE"],
    ),
    Case(
        "placement required",
        {"admissionPolicies.requirePlacement.enabled": True},
        "ValidatingAdmissionPolicyBinding regionfit-require-placement",
        "spec validationActions",
        ["Deny"],
    ),
    Case(
        "of what the webhook is asked about",
        {**REQUIRED, "webhook.matchConditions": [CONDITION]},
        "ValidatingAdmissionPolicy regionfit-require-placement",
        "spec matchConditions",
        Has(CONDITION),
    ),
]

CERTIFICATES = [
    Case("a certificate for a week", {"certificates.days": 7}, "Deployment", ARGS, Has("--tls-days=7")),
    Case("a CA for a year", {"certificates.caDays": 365}, "Deployment", ARGS, Has("--ca-days=365")),
    Case("a longer overlap", {"certificates.caOverlapSeconds": 3600}, "Deployment", ARGS, Has("--ca-overlap=3600s")),
    Case(
        "which holds for the certificates of others, too",
        {**BY_CERT_MANAGER, "certificates.caOverlapSeconds": 3600},
        "Deployment",
        ARGS,
        Has("--ca-overlap=3600s"),
    ),
    Case(
        "another name in it",
        {"certificates.extraNames": ["fit.example"]},
        "Deployment",
        ARGS,
        Has("--tls-san=fit.example"),
    ),
    Case(
        "which cert-manager knows",
        {**BY_CERT_MANAGER, "certificates.extraNames": ["fit.example"]},
        "Certificate regionfit",
        "spec dnsNames",
        Has("fit.example"),
    ),
    Case("cert-manager makes it", BY_CERT_MANAGER, "Certificate regionfit", "spec secretName", "regionfit-tls"),
    Case("and nobody else", BY_CERT_MANAGER, "Deployment", ARGS, Lacks("--tls-secret=regionfit-tls")),
    Case("it is mounted", BY_CERT_MANAGER, "Deployment", f"{POD} volumes 0 secret secretName", "regionfit-tls"),
    Case("it is read", BY_CERT_MANAGER, "Deployment", ARGS, Has("--tls-cert=/etc/regionfit/tls/tls.crt")),
    Case("with its key", BY_CERT_MANAGER, "Deployment", ARGS, Has("--tls-key=/etc/regionfit/tls/tls.key")),
    Case(
        "cert-manager registers the CA",
        BY_CERT_MANAGER,
        WEBHOOK,
        "metadata annotations cert-manager.io/inject-ca-from",
        "regionfit/regionfit",
    ),
    Case("which nobody else may", BY_CERT_MANAGER, "ClusterRole", "rules 6 verbs", ["list", "watch"]),
    Case("with a CA that is made", BY_CERT_MANAGER, "Certificate regionfit-ca", "spec isCA", True),
    Case("and signs", BY_CERT_MANAGER, "Issuer regionfit", "spec ca secretName", "regionfit-ca"),
    Case(
        "a CA that is there",
        {**BY_CERT_MANAGER, "certManager.issuerRef.name": "ours"},
        "Certificate regionfit",
        "spec issuerRef",
        {"name": "ours", "kind": "ClusterIssuer", "group": "cert-manager.io"},
    ),
    Case(
        "so that none is made",
        {**BY_CERT_MANAGER, "certManager.issuerRef.name": "ours"},
        "Certificate regionfit-ca",
        "",
        ABSENT,
    ),
    Case(
        "of the namespace",
        {**BY_CERT_MANAGER, "certManager.issuerRef.name": "ours", "certManager.issuerRef.kind": "Issuer"},
        "Certificate regionfit",
        "spec issuerRef kind",
        "Issuer",
    ),
    Case(
        "or of another make",
        {**BY_CERT_MANAGER, "certManager.issuerRef.name": "ours", "certManager.issuerRef.group": "pki.example"},
        "Certificate regionfit",
        "spec issuerRef group",
        "pki.example",
    ),
    Case(
        "cert-manager's for a day",
        {**BY_CERT_MANAGER, "certManager.duration": "24h"},
        "Certificate regionfit",
        "spec duration",
        "24h",
    ),
    Case(
        "renewed in time",
        {**BY_CERT_MANAGER, "certManager.renewBefore": "8h"},
        "Certificate regionfit",
        "spec renewBefore",
        "8h",
    ),
    Case(
        "cert-manager's CA for a year",
        {**BY_CERT_MANAGER, "certManager.caDuration": "8760h"},
        "Certificate regionfit-ca",
        "spec duration",
        "8760h",
    ),
    Case("a Secret that is there", BY_USER, "Deployment", f"{POD} volumes 0 secret secretName", "mine"),
    Case("its CA is registered", BY_USER, "Deployment", ARGS, Has("--tls-ca=/etc/regionfit/tls/ca.crt")),
    Case("which takes no right to Secrets", BY_USER, "Role regionfit", "rules 1", ABSENT),
    Case(
        "a CA that is known",
        {**BY_USER, "webhook.caBundle": "eA=="},
        WEBHOOK,
        "webhooks 0 clientConfig caBundle",
        "eA==",
    ),
    Case(
        "is not registered again",
        {**BY_USER, "webhook.caBundle": "eA=="},
        "Deployment",
        ARGS,
        Lacks("--tls-ca=/etc/regionfit/tls/ca.crt"),
    ),
    Case(
        "for which there is no right",
        {**BY_USER, "webhook.caBundle": "eA=="},
        "ClusterRole",
        "rules 6 verbs",
        ["list", "watch"],
    ),
]

EXTRAS = [
    Case(
        "an example of a policy",
        {"examples.enabled": True},
        "ResourcePolicy inference",
        "metadata namespace",
        "default",
    ),
    Case(
        "and of a quota", {"examples.enabled": True}, "RegionQuota cn-beijing", "spec pools 0 gpuModelSeries", "GU8TF"
    ),
    Case(
        "examples elsewhere",
        {"examples.enabled": True, "examples.namespace": "gpu"},
        "ResourcePolicy training",
        "metadata namespace",
        "gpu",
    ),
    Case("nothing to test", {"tests.enabled": False}, "Pod", "", ABSENT),
]

CLUSTER_CASES = [*ACCOUNT, *NETWORK, *SCOPE, *CERTIFICATES, *EXTRAS]
