#include "cli/commands.hpp"
#include "cli/key.hpp"
#include "engine/ask.hpp"
#include "lock/verbs.hpp"
#include "util/duration.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

constexpr Frame frame{"condolock unlock KEY... [--now]", R"(
Revokes the lease: it is not renewed any more, its holder stops its command at
the next renewal (a sixth of the lease at most), and the lease ends when that is
done. With --now it is free at once.
Exit code 0, also where nobody held it.

Examples:
  condolock unlock sync
)",
                      Frame::Takes::keys};

}  // namespace

Ending unlock_command(const Arguments& arguments) {
  Globals globals;
  Asked asked;
  bool at_once = false;
  Options options("unlock");
  declare_key(options, asked);
  options.flag("--now", "free it at once, though its command may still live", at_once);
  declare(options, globals);
  if (auto ending = parse(options, arguments, frame, globals, asked)) return *ending;

  const auto engine = open_engine(globals);
  const Console console(globals.quiet, globals.verbose);
  const int code = for_each_key(asked, console, [&](const std::string& key) -> std::optional<Failure> {
    const Call call = unlock_call(job_of(globals, key), at_once);
    const auto answer = decode_unlock(ask(*engine, call, globals.redis_timeout));
    if (const auto* failure = std::get_if<Failure>(&answer)) return *failure;
    const auto& held = std::get<std::optional<Held>>(answer);
    const std::string name = escape(key);
    if (!held) {
      console.decision("nobody holds " + name);
      return std::nullopt;
    }
    const bool one = held->live == 1;
    const std::string leases = (one ? "the lease of " : "the " + std::to_string(held->live) + " leases of ") + name;
    if (at_once) {
      console.warning(leases + (one ? " is" : " are") + " free now, but what " + shown_holder(held->who) +
                      (one ? " runs may" : " and the others run may") + " still live until its next renewal");
    } else {
      console.decision(leases + ", held by " + shown_holder(held->who) + (one ? ", is" : " and others, are") +
                       std::string(" revoked; ") + (one ? "it" : "the last") + " ends in " + format_duration_up(held->left) +
                       " at the latest");
    }
    return std::nullopt;
  });
  return {code, "", ""};
}

}  // namespace condolock::cli
