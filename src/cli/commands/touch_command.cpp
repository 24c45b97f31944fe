#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "util/escape.hpp"
#include "util/random.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec touch_spec{"condolock touch --key K [--failed]", R"(
Records a run of zero length: a success or, with --failed, a failure. A live run
is not affected.

Examples:
  condolock touch --key checking
  make check && condolock touch checking || condolock touch --failed checking
)"};

}  // namespace

CommandResult touch_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  bool failed = false;
  Options options("touch");
  declare_key(options, args);
  options.flag("--failed", "record a failure", failed);
  declare(options, globals);
  if (auto result = parse(options, arguments, touch_spec, globals, args)) return *result;

  lock::Attempt attempt;
  attempt.job = job_of(globals, args.key);
  attempt.token = util::random_token();
  attempt.who = lock::this_holder();
  attempt.history_limit.reset();
  const auto engine = open_engine(globals);
  const engine::Call call =
      lock::touch_call(attempt, failed ? lock::Outcome::failed : lock::Outcome::success, failed ? 1 : 0);
  const auto answer = lock::decode_recording(ask(*engine, call, globals.redis_timeout));
  if (!answer) return result_of(answer.error());
  Console(globals.quiet, globals.verbose)
      .decision(std::string("recorded a ") + (failed ? "failure" : "success") + " of " + util::escape(args.key));
  return {exit_code::ok, "", ""};
}

}  // namespace condolock::cli
