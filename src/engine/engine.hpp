// The interface to the records: an engine runs a script atomically on some keys, or says why it could not.
//
// An engine never blocks on a server; the caller drives it. Call start(), poll what interest() names, and pass the result to
// advance() until it returns a reply. One call at a time. The engine itself authenticates, selects the database, reconnects
// and falls back from EVALSHA to EVAL. The caller decides whether to repeat a failed call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lua/scripts.hpp"
#include "util/clock.hpp"
#include "util/result.hpp"

namespace condolock::engine {

// Wait before the script runs: until an element can be popped from the list `key`, or until `at_most` has passed.
struct Wait {
  std::string key;
  Millis at_most{};  // at least 1 ms
};

// The server must confirm that `at_least` replicas have what the script wrote. If they have not shortly before the
// deadline, the call fails with Fault::write_refused. The changes stay.
struct Replicas {
  std::int64_t at_least = 0;
  std::vector<std::string_view> after;  // the answers (their first words) that need it; the others wrote nothing that counts
  std::string mark;                     // a key of our own, in which the engine writes, so that there is a change to confirm
};

struct Call {
  const scripts::Script* script = nullptr;  // none: args are a server command, which only the engine's doctor sends
  std::vector<std::string> keys;
  std::vector<std::string> args;
  std::string about;                 // the job's key, for messages; empty: no single job
  Instant deadline{};                // for the whole call: name resolution, connecting, `wait` and every resend included
  std::optional<Wait> wait;          // its at_most must end before the deadline
  bool as_source = false;            // send the script, not its digest: the caller may end before a NOSCRIPT comes
  bool not_ready_is_final = false;   // fail at once with Fault::not_ready: the caller asks again. Else the engine does so.
  bool ask_role = false;             // also ask whether the server is a primary: see Reply::from_primary
  std::optional<Replicas> replicas;  // wait until so many have the changes, or fail: see Replicas
  bool same_session = false;         // use the connection of the previous call, even after a failed handshake, or fail: a
                                     // voided grant must be abandoned on the connection that gave it
};

enum class Fault : std::uint8_t {
  unreachable,    // no answer: nothing listens, the connection breaks or times out, the name can't be resolved
  not_ready,      // an answer that may change soon: LOADING, BUSY, MASTERDOWN, CLUSTERDOWN, TRYAGAIN, too many clients
  local,          // this machine lacks something: a descriptor, memory, a port
  not_primary,    // an answer from a server that is not the primary
  write_refused,  // an answer from a primary that refuses writes: OOM, MISCONF, NOREPLICAS; or too few replicas confirmed
                  // one
  denied,         // authentication or permission
  misconfigured,  // the database does not exist
  malformed,      // a key holds a value of the wrong type
  unexpected,     // any reply that the protocol does not allow
};

struct Failure {
  Fault fault = Fault::unreachable;
  bool may_have_run = false;  // the script may have taken effect
  bool voided = false;        // it ran, but after a failed AUTH, SELECT or BLPOP: abandon the grant with same_session
  std::string text;           // what happened, for a message; holds no secret
};

template <class T>
using Answered = util::Expected<T, Failure>;

// A script's flat array, or the reply to a command. Integers are decimal text.
using Values = std::vector<std::string>;

struct Reply {
  Instant sent{};  // time just before sending the request that got this answer; meaningless if nothing was sent
  Answered<Values> answer = Values();
  std::optional<bool> from_primary;  // none: not asked, or ROLE failed. The embedded engine always answers true.
};

struct Interest {
  int fd = -1;  // -1: nothing to poll for
  short events = 0;
  std::optional<Instant> wake;  // call advance() by then, even if `fd` has no event
};

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  // Starts a call. No call may be outstanding.
  virtual void start(Call call, Instant now) = 0;
  // Drops the outstanding call, if any; it gets no reply. A connection with an outstanding reply is closed.
  virtual void cancel() = 0;
  virtual Interest interest() const = 0;
  // Continues the call. `revents`: what poll() reported for interest().fd, 0 for nothing. Returns the reply once.
  virtual std::optional<Reply> advance(short revents, Instant now) = 0;
};

}  // namespace condolock::engine
