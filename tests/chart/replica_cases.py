"""What values change of the replicas: their number, their pods, and what they are told."""

from __future__ import annotations

from tables import ABSENT, VERSION, Case, Has, Lacks

POD = "spec template spec"
CONTAINER = f"{POD} containers 0"
ARGS = f"{CONTAINER} args"
WEBHOOK = "MutatingWebhookConfiguration"
DIGEST = "sha256:" + "0123456789abcdef" * 4
TOLERATION = {"key": "only", "operator": "Exists"}
SPREAD = {"topologyKey": "rack", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"}
OWN = {
    "app.kubernetes.io/name": "regionfit",
    "app.kubernetes.io/instance": "regionfit",
    "app.kubernetes.io/component": "webhook",
}

NAMES = [
    Case("another name for the chart", {"nameOverride": "gpus"}, "Deployment", "metadata name", "regionfit-gpus"),
    Case("a name for all objects", {"fullnameOverride": "other"}, "Deployment", "metadata name", "other"),
    Case(
        "the Secret is named after it, too",
        {"fullnameOverride": "other"},
        "Deployment",
        ARGS,
        Has("--tls-secret=other-tls"),
    ),
    Case("labels everywhere", {"commonLabels": {"team": "gpu"}}, WEBHOOK, "metadata labels team", "gpu"),
    Case(
        "labels of the pods as well",
        {"commonLabels": {"team": "gpu"}},
        "Deployment",
        "spec template metadata labels team",
        "gpu",
    ),
    Case("annotations everywhere", {"commonAnnotations": {"a": "b"}}, "ClusterRole", "metadata annotations a", "b"),
    Case(
        "annotations of the ServiceMonitor",
        {"commonAnnotations": {"a": "b"}, "metrics.serviceMonitor.enabled": True},
        "ServiceMonitor",
        "metadata annotations a",
        "b",
    ),
]

IMAGE = [
    Case(
        "an image elsewhere",
        {"image.repository": "host:5000/fit"},
        "Deployment",
        f"{CONTAINER} image",
        f"host:5000/fit:{VERSION}",
    ),
    Case("another tag", {"image.tag": "new"}, "Deployment", f"{CONTAINER} image", "regionfit:new"),
    Case(
        "a digest instead of a tag",
        {"image.tag": "new", "image.digest": DIGEST},
        "Deployment",
        f"{CONTAINER} image",
        f"regionfit@{DIGEST}",
    ),
    Case("it is always pulled", {"image.pullPolicy": "Always"}, "Deployment", f"{CONTAINER} imagePullPolicy", "Always"),
    Case(
        "with a secret",
        {"imagePullSecrets": [{"name": "key"}]},
        "Deployment",
        f"{POD} imagePullSecrets",
        [{"name": "key"}],
    ),
    Case("the test uses the same image", {"image.tag": "new"}, "Pod", "spec containers 0 image", "regionfit:new"),
]

REPLICAS = [
    Case("more replicas", {"replicas": 3}, "Deployment", "spec replicas", 3),
    Case(
        "some may be missing",
        {"updateStrategy.maxUnavailable": 1},
        "Deployment",
        "spec strategy rollingUpdate maxUnavailable",
        1,
    ),
    Case(
        "many may be in excess",
        {"updateStrategy.maxSurge": "100%"},
        "Deployment",
        "spec strategy rollingUpdate maxSurge",
        "100%",
    ),
    Case(
        "none may be in excess", {"updateStrategy.maxSurge": 0}, "Deployment", "spec strategy rollingUpdate maxSurge", 0
    ),
    Case("no budget of disruptions", {"podDisruptionBudget.enabled": False}, "PodDisruptionBudget", "", ABSENT),
    Case(
        "a budget in percent",
        {"podDisruptionBudget.maxUnavailable": "50%"},
        "PodDisruptionBudget",
        "spec maxUnavailable",
        "50%",
    ),
    Case(
        "a node each, whatever comes",
        {"antiAffinity": "required"},
        "Deployment",
        f"{POD} affinity podAntiAffinity requiredDuringSchedulingIgnoredDuringExecution",
        [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": OWN}}],
    ),
    Case("side by side", {"antiAffinity": "none"}, "Deployment", f"{POD} affinity", ABSENT),
    Case(
        "spread over racks",
        {"topologySpreadConstraints": [SPREAD]},
        "Deployment",
        f"{POD} topologySpreadConstraints",
        [{**SPREAD, "labelSelector": {"matchLabels": OWN}}],
    ),
    Case("not spread", {"topologySpreadConstraints": []}, "Deployment", f"{POD} topologySpreadConstraints", ABSENT),
    Case("some nodes", {"nodeSelector": {"pool": "system"}}, "Deployment", f"{POD} nodeSelector pool", "system"),
    Case("tainted nodes", {"tolerations": [TOLERATION]}, "Deployment", f"{POD} tolerations", [TOLERATION]),
    Case(
        "an affinity beside the anti-affinity",
        {"affinity": {"nodeAffinity": {"some": "terms"}}},
        "Deployment",
        f"{POD} affinity",
        Has("podAntiAffinity"),
    ),
    Case(
        "an anti-affinity of one's own",
        {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}},
        "Deployment",
        f"{POD} affinity podAntiAffinity requiredDuringSchedulingIgnoredDuringExecution",
        [],
    ),
    Case("another priority", {"priorityClass.name": "mine"}, "Deployment", f"{POD} priorityClassName", "mine"),
    Case("no priority", {"priorityClass.name": ""}, "Deployment", f"{POD} priorityClassName", ABSENT),
    Case(
        "a priority class of its own",
        {"priorityClass.name": "", "priorityClass.create": True},
        "PriorityClass",
        "metadata name",
        "regionfit",
    ),
    Case(
        "which is used",
        {"priorityClass.name": "", "priorityClass.create": True},
        "Deployment",
        f"{POD} priorityClassName",
        "regionfit",
    ),
    Case(
        "with a name",
        {"priorityClass.name": "mine", "priorityClass.create": True},
        "PriorityClass",
        "metadata name",
        "mine",
    ),
    Case(
        "and a value",
        {"priorityClass.name": "", "priorityClass.create": True, "priorityClass.value": 1000000000},
        "PriorityClass",
        "value",
        1000000000,
    ),
    Case(
        "more memory",
        {"resources.requests": {"memory": "1Gi"}},
        "Deployment",
        f"{CONTAINER} resources requests memory",
        "1Gi",
    ),
    Case("a limit of CPU", {"resources.limits": {"cpu": 2}}, "Deployment", f"{CONTAINER} resources limits cpu", 2),
]

PROBES = [
    Case(
        f"the {probe} probe's {field}",
        {f"probes.{probe}.{field}": 9},
        "Deployment",
        f"{CONTAINER} {probe}Probe {field}",
        9,
    )
    for probe in ("startup", "liveness", "readiness")
    for field in ("periodSeconds", "timeoutSeconds", "failureThreshold")
]

PODS = [
    Case(
        "annotations of the pods",
        {"podAnnotations": {"a": "b"}},
        "Deployment",
        "spec template metadata annotations a",
        "b",
    ),
    Case("labels of the pods", {"podLabels": {"a": "b"}}, "Deployment", "spec template metadata labels a", "b"),
    Case(
        "but no other than they are found by",
        {"podLabels": {"app.kubernetes.io/name": "b", "a": "b"}},
        "Deployment",
        "spec template metadata labels",
        {**OWN, "a": "b"},
    ),
    Case(
        "more environment",
        {"extraEnv": [{"name": "A", "value": "b"}]},
        "Deployment",
        f"{CONTAINER} env",
        Has({"name": "A", "value": "b"}),
    ),
    Case("more options", {"extraArgs": ["--identity=me"]}, "Deployment", ARGS, Has("--identity=me")),
]

PLACEMENT = [
    Case("other GPUs", {"gpuResources": ["amd.com/gpu"]}, "Deployment", ARGS, Has("--gpu-resource=amd.com/gpu")),
    Case(
        "instead of the usual ones",
        {"gpuResources": ["amd.com/gpu"]},
        "Deployment",
        ARGS,
        Lacks("--gpu-resource=nvidia.com/gpu"),
    ),
    Case(
        "what fits nowhere is refused", {"whenNothingFits": "deny"}, "Deployment", ARGS, Has("--when-nothing-fits=deny")
    ),
    Case("full regions are full for all", {"enforceStatic": True}, "Deployment", ARGS, Has("--enforce-static")),
    Case(
        "the vendor's scheduler is not needed",
        {"rewriteScheduler": True},
        "Deployment",
        ARGS,
        Has("--rewrite-scheduler"),
    ),
    Case("nodes are a limit", {"capacityFromNodes": True}, "Deployment", ARGS, Has("--capacity-from-nodes")),
    Case("promises live longer", {"ledgerTtlSeconds": 120}, "Deployment", ARGS, Has("--ledger-ttl=120s")),
    Case("audit only", {"dryRun": True}, "Deployment", ARGS, Has("--dry-run")),
    Case("which can't be tested", {"dryRun": True}, "Pod", "", ABSENT),
]

PROCESS = [
    Case("longer requests", {"requestTimeoutSeconds": 30}, "Deployment", ARGS, Has("--request-timeout=30s")),
    Case(
        "which are waited for", {"requestTimeoutSeconds": 30}, "Deployment", f"{POD} terminationGracePeriodSeconds", 45
    ),
    Case("a longer goodbye", {"shutdownDelaySeconds": 60}, "Deployment", ARGS, Has("--shutdown-delay=60s")),
    Case("which is waited for", {"shutdownDelaySeconds": 60}, "Deployment", f"{POD} terminationGracePeriodSeconds", 75),
    Case("a line per decision", {"log.level": "debug"}, "Deployment", ARGS, Has("--log-level=debug")),
    Case("logs for machines", {"log.format": "json"}, "Deployment", ARGS, Has("--log-format=json")),
    Case("no metrics", {"metrics.enabled": False}, "Deployment", ARGS, Lacks("--metrics=0.0.0.0:8080")),
    Case("no port of theirs", {"metrics.enabled": False}, "Service", "spec ports 1", ABSENT),
    Case("metrics elsewhere", {"metrics.port": 9090}, "Deployment", ARGS, Has("--metrics=0.0.0.0:9090")),
    Case("on the Service, too", {"metrics.port": 9090}, "Service", "spec ports 1 port", 9090),
    Case("metrics at every address", {"listenAddress": "[::]"}, "Deployment", ARGS, Has("--metrics=[::]:8080")),
    Case(
        "metrics on a node",
        {"hostNetwork": True, "metrics.port": 9090},
        "Deployment",
        f"{CONTAINER} ports 1 hostPort",
        9090,
    ),
    Case(
        "a ServiceMonitor",
        {"metrics.serviceMonitor.enabled": True},
        "ServiceMonitor",
        "spec endpoints 0 port",
        "metrics",
    ),
    Case(
        "that reads often",
        {"metrics.serviceMonitor.enabled": True, "metrics.serviceMonitor.interval": "5s"},
        "ServiceMonitor",
        "spec endpoints 0 interval",
        "5s",
    ),
    Case(
        "in time",
        {"metrics.serviceMonitor.enabled": True, "metrics.serviceMonitor.scrapeTimeout": "2s"},
        "ServiceMonitor",
        "spec endpoints 0 scrapeTimeout",
        "2s",
    ),
    Case(
        "and is found",
        {"metrics.serviceMonitor.enabled": True, "metrics.serviceMonitor.labels": {"release": "prometheus"}},
        "ServiceMonitor",
        "metadata labels release",
        "prometheus",
    ),
    Case("no seats of its own", {"flowControl.enabled": False}, "FlowSchema", "", ABSENT),
    Case("nor a level of them", {"flowControl.enabled": False}, "PriorityLevelConfiguration", "", ABSENT),
    Case(
        "more seats",
        {"flowControl.concurrencyShares": 40},
        "PriorityLevelConfiguration",
        "spec limited nominalConcurrencyShares",
        40,
    ),
    Case("before others", {"flowControl.matchingPrecedence": 100}, "FlowSchema", "spec matchingPrecedence", 100),
]

REPLICA_CASES = [*NAMES, *IMAGE, *REPLICAS, *PROBES, *PODS, *PLACEMENT, *PROCESS]
