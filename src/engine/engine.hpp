// Where records live, seen from above: something that runs a script atomically on some keys, or says why it could not.
//
// An engine is driven, it never blocks: start() a call, then poll what interest() names and hand the result to advance(),
// until a reply comes. One call at a time. Authentication, database, connecting again and the fallback from EVALSHA to EVAL
// are the engine's own matter; whether a call is worth repeating is the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lua/scripts.hpp"
#include "util/clock.hpp"
#include "util/result.hpp"

namespace condolock::engine {

// Before a call: sleep until somebody pushes to this list, which takes one element from it, or until so long has passed.
struct Wait {
  std::string key;
  Millis at_most{};  // at least 1 ms
};

struct Call {
  const scripts::Script* script = nullptr;  // none: args are a command of the engine's own, which only its doctor sends
  std::vector<std::string> keys;
  std::vector<std::string> args;
  Instant deadline{};         // for the whole exchange: name look-up, connecting and every resend included
  std::optional<Wait> wait;   // its time is part of the deadline's
  bool ask_role = false;      // also find out whether a primary answers: see Reply::from_primary
  bool same_session = false;  // on the connection of the call before, as it stands, or not at all: how a voided grant
                              // is given back where it was taken
};

enum class Fault : std::uint8_t {
  unreachable,    // no answer: refused, closed, timed out, still loading
  not_primary,    // an answer, by a server that may not write
  write_refused,  // an answer, by a primary that refuses writes: OOM, MISCONF, NOREPLICAS
  denied,         // authentication or permission
  misconfigured,  // there is no such database
  malformed,      // a key holds another type of value
  unexpected,     // anything that the protocol has no place for
};

struct Failure {
  Fault fault = Fault::unreachable;
  bool may_have_run = false;  // the script may have had its effect all the same
  bool voided = false;        // it did run, but as the wrong user or in the wrong database: give back with same_session
  std::string text;           // what happened, for a person; holds no secret
};

template <class T>
using Answered = util::Expected<T, Failure>;

// A script's flat array, or what a command says; integers as decimal text.
using Values = std::vector<std::string>;

struct Reply {
  Instant sent{};  // just before the attempt that got this answer was written
  Answered<Values> answer = Values();
  std::optional<bool> from_primary;  // only with ask_role, and only where the server tells
};

struct Interest {
  int fd = -1;  // -1: nothing to poll for
  short events = 0;
  std::optional<Instant> wake;  // call advance() by then, whatever the descriptor says
};

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  // Begins a call. None may be outstanding.
  virtual void start(Call call, Instant now) = 0;
  // Forgets the outstanding call, if any: it never replies. A connection that owes a reply is closed.
  virtual void cancel() = 0;
  virtual Interest interest() const = 0;
  virtual std::optional<Reply> advance(short revents, Instant now) = 0;
};

}  // namespace condolock::engine
