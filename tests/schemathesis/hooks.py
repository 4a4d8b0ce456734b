"""Values that only this publication has: without them no generated request would get further than 404 or 410.

Requests that are to be accepted get them wherever the schema cannot say what is needed. Requests that are to be refused are
left as they were generated.
"""

import json
import os
import random

import schemathesis

CHOICE = random.Random(1)

with open(os.environ["CEKNIK_VALUES"], encoding="utf-8") as file:
    VALUES = json.load(file)


@schemathesis.hook
def before_call(context, case, kwargs):
    if not case.meta or not case.meta.generation.mode.is_positive:
        return
    for name in case.path_parameters:
        case.path_parameters[name] = CHOICE.choice(VALUES["path"][name])
    if isinstance(case.body, dict) and "blinded" in case.body:
        case.body["key"] = VALUES["key"]
        case.body["blinded"] = CHOICE.sample(VALUES["elements"], len(case.body["blinded"]))
