"""`regionfit lint`: each mistake is named with its file and line; what is right is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from binary import TOP, run

POLICY = """\
apiVersion: scheduling.alibabacloud.com/v1alpha1
kind: ResourcePolicy
metadata:
  name: fit
spec:
  selector: {app: demo}
  strategy: required
  units:
  - resource: acs
    podLabels:
      alibabacloud.com/serverless-region-id: cn-beijing
      alibabacloud.com/gpu-model-series: GU8TF
    nodeSelector: {type: virtual-kubelet}
"""
SECOND = """\
  - resource: acs
    podLabels:
      alibabacloud.com/serverless-region-id: cn-hangzhou
      alibabacloud.com/gpu-model-series: GU8TF
"""
QUOTAS = """\
apiVersion: regionfit.io/v1alpha1
kind: RegionQuota
metadata:
  name: cn-beijing
spec:
  pools:
  - gpuModelSeries: GU8TF
    gpus: 2
---
apiVersion: regionfit.io/v1alpha1
kind: RegionQuota
metadata:
  name: cn-hangzhou
spec:
  pools:
  - gpuModelSeries: GU8TF
    gpus: 2
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: work
spec:
  selector: {matchLabels: {app: demo}}
  template:
    metadata:
      labels:
        app: demo
    spec:
      containers:
      - name: main
        image: demo
        resources:
          limits:
            nvidia.com/gpu: 1
"""
LINE = re.compile(r"(.+?):(\d+): (error|warning): (.*)")


def lint(folder: Path, **files: str) -> tuple[int, list[tuple[str, int, str, str]], str]:
    """Exit status, what was said of which file and line, and the last line."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    done = run("lint", "-f", folder)
    assert done.stderr == ""
    *said, last = done.stdout.splitlines()
    parsed = [LINE.fullmatch(line) for line in said]
    assert all(parsed), done.stdout
    return done.returncode, [(Path(m[1]).stem, int(m[2]), m[3], m[4]) for m in parsed if m], last


def line_of(text: str, part: str) -> int:
    """The line that `part` begins on; it must be there once."""
    assert text.count(part) == 1
    return text[: text.index(part)].count("\n") + 1


def test_what_is_right_is_not_mentioned(tmp_path: Path) -> None:
    status, said, last = lint(tmp_path, policies=POLICY + SECOND, quotas=QUOTAS, work=DEPLOYMENT)
    assert (status, said, last) == (0, [], "0 errors, 0 warnings")


def test_the_examples_are_right() -> None:
    done = run("lint", "-f", TOP / "charts" / "regionfit" / "examples", "-f",
               TOP / "charts" / "regionfit" / "examples" / "manifests")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "0 errors, 0 warnings\n"


@pytest.mark.parametrize(
    "right, wrong, severity, said",
    [
        # Malformed and unknown fields
        pytest.param("strategy: required", "strategy: always", "error", "spec.strategy: must be",
                     id="a strategy that does not exist"),
        pytest.param("strategy: required", "strategi: required", "warning", "spec.strategi: is not a field",
                     id="an unknown field of the spec"),
        pytest.param("nodeSelector:", "nodeSelektor:", "warning", "spec.units[0].nodeSelektor: is not a field",
                     id="an unknown field of a unit"),
        pytest.param("- resource: acs", "- resource: gpu", "error", "spec.units[0].resource: must be acs, eci",
                     id="a resource that does not exist"),
        pytest.param("  - resource: acs", "  - max: x\n    resource: acs", "error",
                     'spec.units[0].max: must be a non-negative integer, not "x"', id="a max in words"),
        pytest.param("  - resource: acs", "  - max: 1.5\n    resource: acs", "error",
                     "spec.units[0].max: must be a non-negative integer, not 1.5", id="a max with a fraction"),
        pytest.param("  - resource: acs", "  - maxResources: {nvidia.com/gpu: many}\n    resource: acs", "error",
                     "spec.units[0].maxResources[nvidia.com/gpu]: must be a quantity", id="a quantity in words"),
        pytest.param("{app: demo}", "{app: 5}", "error", "spec.selector.app: must be a string, not 5",
                     id="a number for a label"),
        pytest.param("{app: demo}", "{app: yes}", "error", "spec.selector.app: must be a string, not true",
                     id="a word that YAML takes for a boolean"),
        pytest.param("  name: fit", "  nam: fit", "error", "metadata.name: must be the policy's name",
                     id="a policy without a name"),
        pytest.param("  name: fit", "  name: fit\n  annotations: {regionfit.io/when-nothing-fits: hold}", "error",
                     '"hold" does not exist yet', id="hold"),
        # Illegal labels (apimachinery validation: 63 characters, a prefix is a DNS subdomain)
        pytest.param("type: virtual-kubelet", "type: virtual kubelet", "error",
                     'nodeSelector[type]: the value "virtual kubelet"', id="a blank in a value"),
        pytest.param("type: virtual-kubelet", "type: -x", "error", 'the value "-x"',
                     id="a value that begins with a dash"),
        pytest.param("type: virtual-kubelet", f"type: {'x' * 64}", "error", "63",
                     id="a value of 64 characters"),
        pytest.param("type: virtual-kubelet", "a/b/c: x", "error", 'the key "a/b/c"',
                     id="a key with two slashes"),
        pytest.param("type: virtual-kubelet", "Example.com/x: x", "error", 'the key "Example.com/x"',
                     id="a prefix with a capital"),
        pytest.param("type: virtual-kubelet", '"": x', "error", "the key", id="an empty key"),
        # Units that can never fit
        pytest.param("  - resource: acs", "  - max: 0\n    resource: acs", "warning", "never fits: max is 0",
                     id="a max of nothing"),
        pytest.param("type: virtual-kubelet", "topology.kubernetes.io/region: cn-hangzhou", "error",
                     "never fits: podLabels name the region cn-beijing, nodeSelector cn-hangzhou",
                     id="a unit in two regions"),
        pytest.param("type: virtual-kubelet", "alibabacloud.com/gpu-model-series: T4", "error",
                     "never fits: podLabels name the GPU model series GU8TF, nodeSelector T4",
                     id="a unit of two models"),
        pytest.param("gpu-model-series: GU8TF", "gpu-model-series: P16EN", "warning",
                     'never fits: the quota of cn-beijing lists neither P16EN nor "*"',
                     id="a series that the region does not offer"),
        # Regions
        pytest.param("region-id: cn-beijing", "region-id: cn-shanghai", "warning",
                     "the region cn-shanghai has no RegionQuota", id="a region without a quota"),
    ],
)  # fmt: skip
def test_mistakes_in_a_policy_are_named_with_their_line(
    tmp_path: Path, right: str, wrong: str, severity: str, said: str
) -> None:
    text = POLICY.replace(right, wrong)
    assert text != POLICY
    status, found, last = lint(tmp_path, policies=text, quotas=QUOTAS)

    first, after = line_of(POLICY, right), line_of(POLICY, right) + wrong.count("\n")
    matching = [one for one in found if said in one[3]]
    assert len(matching) == 1, found
    file, line, found_severity, _ = matching[0]
    whole_unit = "spec.units[0]: " in matching[0][3]
    assert (file, found_severity) == ("policies", severity)
    assert line == line_of(text, "  - resource: acs") if whole_unit else line in range(first, after + 1)
    assert status == (severity == "error")
    assert last == ("1 error, 0 warnings" if severity == "error" else "0 errors, 1 warning")


@pytest.mark.parametrize(
    "right, wrong, severity, said",
    [
        pytest.param("    gpus: 2\n---", "    gpus: -2\n---", "error", "spec.pools[0].gpus: must be a non-negative",
                     id="a negative pool"),
        pytest.param("    gpus: 2\n---", "    gpus: two\n---", "error", "spec.pools[0].gpus: must be a non-negative",
                     id="a pool in words"),
        pytest.param("    gpus: 2\n---", "    gpu: 2\n---", "error", "spec.pools[0].gpus: must be a non-negative",
                     id="a pool without its size"),
        pytest.param("  name: cn-beijing", "  nome: cn-beijing", "error", "metadata.name: must be the quota's name",
                     id="a quota without a name"),
        pytest.param("    gpus: 2\n---", "    gpus: 2\n    zone: a\n---", "warning",
                     "spec.pools[0].zone: is not a field", id="an unknown field"),
    ],
)  # fmt: skip
def test_mistakes_in_a_quota_are_named_with_their_line(
    tmp_path: Path, right: str, wrong: str, severity: str, said: str
) -> None:
    text = QUOTAS.replace(right, wrong)
    assert text != QUOTAS
    status, found, _ = lint(tmp_path, quotas=text)

    matching = [one for one in found if said in one[3]]
    assert len(matching) == 1, found
    assert matching[0][0] == "quotas" and matching[0][2] == severity
    assert 1 < matching[0][1] <= line_of(text, "---")
    assert status == (severity == "error")


def test_a_quota_of_nothing_never_fits(tmp_path: Path) -> None:
    status, found, _ = lint(tmp_path, policies=POLICY, quotas=QUOTAS.replace("gpus: 2\n---", "gpus: 0\n---"))
    assert status == 0
    assert [one[3] for one in found] == ["spec.units[0]: never fits: the quota of cn-beijing for GU8TF is 0"]


def test_a_series_listed_twice_is_an_error(tmp_path: Path) -> None:
    twice = QUOTAS.replace("    gpus: 2\n---", "    gpus: 2\n  - gpuModelSeries: GU8TF\n    gpus: 3\n---")
    (tmp_path / "quotas.yaml").write_text(twice)
    done = run("lint", "-f", tmp_path)
    assert done.returncode == 1
    assert 'the series "GU8TF" of region cn-beijing is listed twice' in done.stdout
    assert "quotas.yaml" in done.stdout


@pytest.mark.parametrize(
    "first, second, line, said",
    [
        pytest.param(POLICY, SECOND, 14, "can hardly be reached: units[0] has no bound", id="behind one unbounded"),
        pytest.param(POLICY, POLICY[POLICY.index("  - resource") :], 14,
                     "can hardly be reached: units[0] is the same", id="one that is there twice"),
    ],
)  # fmt: skip
def test_units_that_are_never_reached_are_named(
    tmp_path: Path, first: str, second: str, line: int, said: str
) -> None:
    quotas = QUOTAS if "same" in said else QUOTAS[QUOTAS.index("---") :]
    status, found, _ = lint(tmp_path, policies=first + second, quotas=quotas)
    assert status == 0
    assert ("policies", line, "warning") in [one[:3] for one in found]
    assert any(said in one[3] and one[1] == line for one in found)


@pytest.mark.parametrize(
    "selector, overlaps",
    [
        pytest.param("{app: demo}", True, id="the same selector"),
        pytest.param("{app: demo, tier: web}", True, id="a narrower selector"),
        pytest.param("{matchLabels: {app: demo}}", True, id="the same in other words"),
        pytest.param("{}", True, id="a selector of everything"),
        pytest.param("{app: other}", False, id="another value"),
    ],
)
def test_policies_that_overlap_are_named(tmp_path: Path, selector: str, overlaps: bool) -> None:
    second = POLICY.replace("{app: demo}", selector).replace("name: fit", "name: second")
    status, found, _ = lint(tmp_path, a=POLICY, b=second, quotas=QUOTAS)
    assert status == 0
    assert [one[:3] for one in found] == ([("b", 6, "warning")] if overlaps else [])
    assert all("overlaps with ResourcePolicy default/fit" in one[3] for one in found)


def test_policies_of_other_namespaces_do_not_overlap(tmp_path: Path) -> None:
    second = POLICY.replace("name: fit", "name: fit\n  namespace: elsewhere")
    assert lint(tmp_path, a=POLICY, b=second, quotas=QUOTAS)[:2] == (0, [])


CLASS = "alibabacloud.com/compute-class"
WITH_CLASS = POLICY.replace("    nodeSelector:", f"      {CLASS}: gpu\n    nodeSelector:")


@pytest.mark.parametrize(
    "selector, labels, severity, said",
    [
        pytest.param(f"{CLASS}: gpu", f"{CLASS}: gpu", "warning", "which placing may set", id="the classic"),
        pytest.param("alibabacloud.com/compute-qos: default", "alibabacloud.com/compute-qos: default", "warning",
                     "which placing may set", id="the classic's sibling"),
        pytest.param(f"{CLASS}: general-purpose", f"{CLASS}: general-purpose", "warning",
                     "contradicts every unit of ResourcePolicy default/fit", id="a label that fits no unit"),
    ],
)  # fmt: skip
def test_labels_that_break_the_workloads_own_selector_are_named(
    tmp_path: Path, selector: str, labels: str, severity: str, said: str
) -> None:
    work = DEPLOYMENT.replace("{app: demo}", f"{{app: demo, {selector}}}")
    work = work.replace("        app: demo\n    spec", f"        app: demo\n        {labels}\n    spec")
    status, found, _ = lint(tmp_path, policies=WITH_CLASS, quotas=QUOTAS, work=work)
    assert any(one[0] == "work" and one[2] == severity and said in one[3] for one in found), found
    assert status == (severity == "error")


def test_a_label_that_the_workload_excludes_is_an_error(tmp_path: Path) -> None:
    expression = f"matchExpressions: [{{key: {CLASS}, operator: DoesNotExist}}], matchLabels:"
    work = DEPLOYMENT.replace("matchLabels:", expression)
    status, found, _ = lint(tmp_path, policies=WITH_CLASS, quotas=QUOTAS, work=work)
    assert status == 1
    assert [one[:3] for one in found if "does not match pods with the label" in one[3]] == [("work", 6, "error")]
    assert any(f"{CLASS}=gpu, which units[0] of ResourcePolicy default/fit" in one[3] for one in found)


def test_pods_that_lack_the_label_they_are_grouped_by_are_named(tmp_path: Path) -> None:
    policies = POLICY.replace("  units:", "  matchLabelKeys: [tenant]\n  units:")
    status, found, _ = lint(tmp_path, policies=policies, quotas=QUOTAS, work=DEPLOYMENT)
    assert status == 1
    assert "its pods lack the label tenant" in found[0][3]


@pytest.mark.parametrize(
    "text, line",
    [("{", 1), ("a: b\n  c: d\n", 2), ("a: b\n---\n\tx: y\n", 3), ("a: [1, 2\nb: c\n", 2), ("a: *nobody\n", 1)],
    ids=["an open brace", "a wrong indent", "a tab", "an open list", "an unknown alias"],
)
def test_what_is_no_yaml_is_named_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    status, found, last = lint(tmp_path, broken=text, quotas=QUOTAS)
    assert (status, last) == (1, "1 error, 0 warnings")
    assert found[0][:3] == ("broken", line, "error")


@pytest.mark.parametrize(
    "words, status, said",
    [
        ("", 2, "-f is missing"),
        ("-f", 2, "lacks its value"),
        ("-f . extra", 2, '"extra"'),
        ("-f . -o json", 2, "-o"),
        ("-f nowhere.yaml", 1, "nowhere.yaml"),
    ],
)
def test_wrong_usage_is_told(tmp_path: Path, words: str, status: int, said: str) -> None:
    done = run("lint", *words.split(), cwd=tmp_path)
    assert done.returncode == status
    assert said in done.stderr


def test_standard_input_is_read(tmp_path: Path) -> None:
    (tmp_path / "quotas.yaml").write_text(QUOTAS)
    done = run("lint", "-f", "-", "-f", "quotas.yaml", input=POLICY.replace("acs", "gpu"), cwd=tmp_path)
    assert done.returncode == 1
    assert "<stdin>:9: error: spec.units[0].resource: must be acs" in done.stdout
