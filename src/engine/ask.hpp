// One call from beginning to end, for commands that have nothing else to do meanwhile.
#pragma once

#include "engine/engine.hpp"

namespace condolock::engine {

// Blocks until the reply, at most twice `patience`: where no answer came, the call is made once more (every script is safe
// to repeat). call.deadline is set here.
Reply ask(Engine& engine, Call call, Millis patience);

// The same faults are worth a second attempt everywhere: no answer, and an answer by a server that just lost its role.
bool worth_repeating(Fault fault);

}  // namespace condolock::engine
