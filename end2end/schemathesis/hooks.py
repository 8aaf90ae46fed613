"""Puts ids that exist into some of the requests, and counts what was answered.

PLEXE_OWN is the JSON of {"user_id", "api_key", "event_id", "key_ids", "hold_ids"}; counts go to the file PLEXE_COUNTS as
{"GET /auth/user": {"200": 12}}.
"""

import atexit
import collections
import itertools
import json
import os

import schemathesis

OWN = json.loads(os.environ["PLEXE_OWN"])
COUNTS = collections.defaultdict(collections.Counter)
turns = itertools.count()
# Each key is revoked and each hold closed at some point; the next one comes then.
SPENT = {name: itertools.cycle(OWN[name]) for name in ("key_ids", "hold_ids")}


def in_path(name):
    """Something of the caller's own."""
    if name in ("key_id", "hold_id"):
        return next(SPENT[f"{name}s"])
    return {"event_id": OWN["event_id"], "source": "builder", "id": "job-1"}.get(name)


def with_payer(body):
    """The same event, paid by somebody who can."""
    body = {name: value for name, value in body.items() if name not in ("user_id", "account_id", "api_key")}
    return body | {"user_id": OWN["user_id"], "operation": "model.prediction", "quantity": next(turns) % 3}


@schemathesis.hook
def before_call(context, case, kwargs):
    # What is meant to be wrong stays wrong; and of the rest every other request.
    if case.meta is None or not case.meta.generation.mode.is_positive or next(turns) % 2:
        return
    for name in list(case.path_parameters or {}):
        case.path_parameters[name] = in_path(name) or case.path_parameters[name]
    body = case.body
    if isinstance(body, dict) and case.operation.path.startswith("/usage/") and "quantity" in body:
        if "operation" in body:
            case.body = with_payer(body)
        elif "reason" in body:
            case.body = body | {"quantity": 0}
        else:
            case.body = body | {"quantity": 1}
    elif isinstance(body, dict) and isinstance(body.get("items"), list):
        case.body = {"items": [{"operation": "model.build", "quantity": 1}]}


@schemathesis.hook
def after_call(context, case, response):
    COUNTS[case.operation.label][str(response.status_code)] += 1


@atexit.register
def write():
    with open(os.environ["PLEXE_COUNTS"], "w") as file:
        json.dump(COUNTS, file)
