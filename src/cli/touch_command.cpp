#include "cli/commands.hpp"
#include "cli/key.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "util/escape.hpp"
#include "util/random.hpp"

namespace condolock::cli {
namespace {

constexpr Frame frame{"condolock touch --key K [--failed]", R"(
Records what a run without length would have: its end, and a success or one more
failure. A run that is going on meanwhile is not disturbed.

Examples:
  condolock touch --key checking
  make check && condolock touch checking || condolock touch --failed checking
)"};

}  // namespace

Ending touch_command(const Arguments& arguments) {
  Globals globals;
  Asked asked;
  bool failed = false;
  Options options("touch");
  declare_key(options, asked);
  options.flag("--failed", "record a failure", failed);
  declare(options, globals);
  if (auto ending = parse(options, arguments, frame, globals, asked)) return *ending;

  Attempt attempt;
  attempt.job = job_of(globals, asked.key);
  attempt.token = random_token();
  attempt.who = this_holder();
  attempt.keep.reset();
  const auto engine = open_engine(globals);
  const Call call = touch_call(attempt, failed ? Outcome::failed : Outcome::success, failed ? 1 : 0);
  const auto answer = decode_recording(ask(*engine, call, globals.redis_timeout));
  if (const auto* failure = std::get_if<Failure>(&answer)) return ended(*failure);
  Console(globals.quiet, globals.verbose)
      .decision(std::string("recorded a ") + (failed ? "failure" : "success") + " of " + escape(asked.key));
  return {exit_code::ok, "", ""};
}

}  // namespace condolock::cli
