#include "cli/commands/each_key.hpp"

namespace condolock::cli {

int for_each_key(const CommandArguments& args, const Console& console,
                 const std::function<std::optional<engine::Failure>(const std::string& key)>& work) {
  int code = exit_code::ok;
  for (const std::string& key : args.keys) {
    const auto failure = work(key);
    if (!failure) continue;
    console.error(describe(*failure));
    if (code == exit_code::ok) code = exit_code::of(failure->fault);
    if (failure->fault != engine::Fault::malformed) break;
  }
  return code;
}

}  // namespace condolock::cli
