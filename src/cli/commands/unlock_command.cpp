#include "cli/args/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/each_key.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr CommandSpec unlock_spec{"condolock unlock KEY... [--now]", R"(
Revokes the lease. Its holder stops the command at the next renewal, after a
sixth of the lease at most, and then releases it. With --now it is free at once.
Exit code 0, even if nobody held it.

Examples:
  condolock unlock sync
)",
                                  CommandSpec::Takes::keys};

}  // namespace

CommandResult unlock_command(const RawArguments& arguments) {
  Globals globals;
  CommandArguments args;
  bool at_once = false;
  Options options("unlock");
  declare_key(options, args);
  options.flag("--now", "free it at once; its command may still be running", at_once);
  declare(options, globals);
  if (auto result = parse(options, arguments, unlock_spec, globals, args)) return *result;

  const auto engine = open_engine(globals);
  const Console console(globals.quiet, globals.verbose);
  const int code = for_each_key(args, console, [&](const std::string& key) -> std::optional<engine::Failure> {
    const engine::Call call = lock::unlock_call(job_of(globals, key), at_once);
    const auto answer = lock::decode_unlock(ask(*engine, call, globals.redis_timeout));
    if (!answer) return answer.error();
    const auto& held = *answer;
    const std::string name = util::escape(key);
    if (!held) {
      console.decision("nobody holds " + name);
      return std::nullopt;
    }
    const bool one = held->live == 1;
    const std::string leases = (one ? "the lease of " : "the " + std::to_string(held->live) + " leases of ") + name;
    if (at_once) {
      console.warning(leases + (one ? " is free now, but the command on " : " are free now, but the commands on ") +
                      lock::shown_holder(held->who) + (one ? "" : " and others") + " may still run for " +
                      util::format_duration_up(held->left));
    } else {
      console.decision(leases + ", held by " + lock::shown_holder(held->who) + (one ? ", is" : " and others, are") +
                       std::string(" revoked; ") + (one ? "it" : "the last") + " ends in " +
                       util::format_duration_up(held->left) + " at the latest");
    }
    return std::nullopt;
  });
  return {code, "", ""};
}

}  // namespace condolock::cli
