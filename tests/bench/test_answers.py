"""A bench that took a wrong answer for a fast one would be worse than none."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

import answers
from bodies import BODIES

BODY = BODIES["3.6 KB"]
UID = json.loads(BODY)["request"]["uid"]
LABELS = [{"op": "add", "path": "/metadata/labels/alibabacloud.com~1serverless-region-id", "value": "cn-beijing"}]
SELECTOR = [{"op": "add", "path": "/spec/nodeSelector", "value": {"type": "virtual-kubelet"}}]
TOLERATION = [{"op": "add", "path": "/spec/tolerations/-", "value": answers.VIRTUAL_NODE}]
WHOLE = [*LABELS, *SELECTOR, *TOLERATION]
FULL = {"allowed": False, "status": {"code": 403, "message": "full: 1 GPU wanted, 0 of 0 remaining"}}


def patched(*operations: Any) -> dict[str, Any]:
    patch = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": patch}


def check(judge: answers.Judge, response: dict[str, Any], status: int = 200) -> None:
    text = json.dumps({"response": {"uid": UID, **response}}).encode()
    answers.check("it", judge, answers.Answer(status, text, len(text)), BODY)


RIGHT = {
    "a pod that is placed": (answers.placed, patched(*WHOLE)),
    "a pod that is let through": (answers.let_through, {"allowed": True}),
    "a pod that is denied": (answers.denied, FULL),
}
WRONG = {
    "a pod that should be placed is let through": (answers.placed, {"allowed": True}),
    "a pod that should be placed is denied": (answers.placed, FULL),
    "the labels are missing": (answers.placed, patched(*SELECTOR, *TOLERATION)),
    "the node selector is missing": (answers.placed, patched(*LABELS, *TOLERATION)),
    "the toleration is missing": (answers.placed, patched(*LABELS, *SELECTOR)),
    "the pod loses its labels": (
        answers.placed,
        patched({"op": "add", "path": "/metadata/labels", "value": {}}, *WHOLE),
    ),
    "the patch does not apply": (answers.placed, patched({"op": "remove", "path": "/none"}, *WHOLE)),
    "the patch is no base64": (answers.placed, {**patched(*WHOLE), "patch": "~"}),
    "the uid is another": (answers.let_through, {"uid": "1", "allowed": True}),
    "a pod that should be let through is placed": (answers.let_through, patched(*WHOLE)),
    "a pod that should be denied is placed": (answers.denied, patched(*WHOLE)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_are_taken(name: str) -> None:
    check(*RIGHT[name])


@pytest.mark.parametrize("name", WRONG)
def test_wrong_answers_are_refused(name: str) -> None:
    with pytest.raises(answers.WrongAnswerError):
        check(*WRONG[name])


def test_an_error_is_refused_whatever_it_says() -> None:
    with pytest.raises(answers.WrongAnswerError):
        check(answers.let_through, {"allowed": True}, status=500)
