#include "cli/output/command_result.hpp"

#include "util/environment.hpp"

namespace condolock::cli {
namespace {

bool& server_was_named() {
  static bool was_named = true;
  return was_named;
}

}  // namespace

void set_server_was_named(bool was_named) { server_was_named() = was_named; }

std::string describe(const engine::Failure& failure) {
  const auto mentions = [&](const char* text) { return failure.text.find(text) != std::string::npos; };
  if (failure.fault == engine::Fault::unreachable && mentions("cannot connect to") && !server_was_named()) {
    return failure.text +
           " (name a server with --url, CONDOLOCK_URL or the config file; --url file: needs none on a single machine)";
  }
  const bool lacks_password = mentions("NOAUTH") || mentions("unauthenticated") || mentions("no password was given");
  if (failure.fault != engine::Fault::denied || !lacks_password) return failure.text;
  if (mentions("the Sentinel ")) {
    return failure.text + " (set sentinel-password-file in /etc/condolock/config.toml)";
  }
  if (!util::from_environment("CONDOLOCK_RUN_ID").empty()) {
    return failure.text +
           " (passwords are removed from a command's environment: set password-file in /etc/condolock/config.toml)";
  }
  return failure.text + " (set password-file in /etc/condolock/config.toml)";
}

CommandResult tls_is_missing(const std::string& why) {
  return {exit_code::configuration, "the URL needs TLS, which the program condolock-tls does, but " + why, ""};
}

CommandResult result_of(const engine::Failure& failure) { return {exit_code::of(failure.fault), describe(failure), ""}; }

}  // namespace condolock::cli
