#include "cli/output/command_result.hpp"

namespace condolock::cli {

std::string describe(const engine::Failure& failure) {
  const auto mentions = [&](const char* text) { return failure.text.find(text) != std::string::npos; };
  if (failure.fault == engine::Fault::denied && (mentions("NOAUTH") || mentions("unauthenticated"))) {
    return failure.text + " (it wants a password: CONDOLOCK_PASSWORD, --password-file or in CONDOLOCK_URL)";
  }
  return failure.text;
}

CommandResult result_of(const engine::Failure& failure) { return {exit_code::of(failure.fault), describe(failure), ""}; }

}  // namespace condolock::cli
