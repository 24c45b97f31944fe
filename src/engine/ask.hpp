// Blocking calls, for commands that have nothing else to poll for.
#pragma once

#include "engine/engine.hpp"

namespace condolock::engine {

// Makes a call and blocks until the reply. Makes the call once more if the fault is worth_repeating() and the reply is not
// voided; every script is safe to repeat. Each attempt takes at most `patience`. Sets call.deadline.
Reply ask(Engine& engine, Call call, Millis patience);

// Why an answer to a call with ask_role can't be trusted: any server except a primary may answer with old data. None: a
// primary answered, or nobody did.
std::optional<Failure> not_from_primary(const Reply& reply);

// True for faults that a second attempt may cure: no answer, or an answer from a server that is not the primary.
bool worth_repeating(Fault fault);

}  // namespace condolock::engine
