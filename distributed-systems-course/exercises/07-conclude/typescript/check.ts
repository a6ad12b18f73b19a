import assert from "node:assert/strict";

import { conclude, type Heard } from "./mine.ts";

const silent: Heard = ["sell", "timeout"];

function check(heard: Heard[], wanted: string, why: string): void {
  const found = conclude([...heard]);
  const story = heard.map((pair) => pair.join(": ")).join(", ");
  assert.equal(found, wanted, `after (${story}): '${wanted}', not '${found}'; ${why}`);
}

check([["sell", "sold"]], "sold", "the office said so");
check([["sell", "taken"]], "not sold", "the only request was refused");
check([silent], "unknown", "a timeout is not an answer");
check([silent, ["state", "timeout"]], "unknown", "and two are none either");
check([silent, ["state", "sold to you"]], "sold", "what is sold stays sold");
check([silent, ["state", "free"]], "unknown", "the request may still arrive, after the question");
check([silent, ["sell", "sold"]], "sold", "the second request was answered");
check([silent, ["cancel", "cancelled"]], "not sold", "no request of this order can sell any more");
check([silent, ["cancel", "too late"]], "sold", "it was sold before it could be called off");
check([silent, ["cancel", "timeout"]], "unknown", "the cancellation may be lost");
check(
  [silent, ["cancel", "timeout"], ["cancel", "cancelled"]],
  "not sold",
  "the second one was not",
);
check([silent, ["sell", "taken"]], "unknown", "perhaps the first request took it");
check([silent, ["state", "free"], ["state", "sold to you"]], "sold", "it arrived in between");
