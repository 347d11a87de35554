"""The node itself: what all other tests here rely on."""

from __future__ import annotations

from busybox import BUSYBOX
from kubectl import Kubectl

POD = f"""
apiVersion: v1
kind: Pod
metadata: {{name: client}}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
  containers:
  - name: client
    image: {BUSYBOX}
"""


def test_a_pod_runs_and_reaches_the_api_server_through_its_service(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", text=POD)
    kubectl("wait", "pod", "client", "--for=condition=Ready", "--timeout=30s")
    reach = "nc -w 5 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT </dev/null && echo reached"
    assert kubectl("exec", "client", "--", "/bin/busybox", "sh", "-c", reach) == "reached\n"
    kubectl("delete", "pod", "client")
