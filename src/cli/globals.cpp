#include "cli/globals.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "engine/redis/redis_engine.hpp"
#include "lock/job.hpp"
#include "util/escape.hpp"
#include "util/fd.hpp"

namespace condolock::cli {
namespace {

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Options::Set url_into(Globals& globals) {
  return [&globals](std::string_view text) -> std::optional<Problem> {
    if (redis::is_unsupported(text)) {
      return Problem{"this version opens redis:// and unix:// only, not TLS, Sentinel, Cluster or file:"};
    }
    const auto target = redis::parse_url(text);
    if (!target) return Problem{target.problem()};
    globals.target = *target;
    return std::nullopt;
  };
}

std::optional<Problem> set_color(std::string_view text) {
  if (text == "auto") {
    choose_color(Color::automatic);
  } else if (text == "always") {
    choose_color(Color::always);
  } else if (text == "never") {
    choose_color(Color::never);
  } else {
    return Problem{"'" + escape(text) + "' is none of auto, always, never"};
  }
  return std::nullopt;
}

// The first line of a file that only its owner can have written.
Result<std::string> read_password(const std::string& path) {
  const std::string name = "the password file " + escape(path);
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not hold us up
  struct stat info {};
  if (!file || fstat(file.get(), &info) != 0) return Problem{name + ": " + std::strerror(errno)};
  if (!S_ISREG(info.st_mode)) return Problem{name + " is not a regular file"};
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) return Problem{name + " can be written by others: chmod go-w it"};
  std::array<char, 4096> buffer{};
  const ssize_t length = read(file.get(), buffer.data(), buffer.size());
  if (length < 0) return Problem{name + ": " + std::strerror(errno)};
  std::string password(buffer.data(), static_cast<std::size_t>(length));
  password.resize(std::min(password.find_first_of("\r\n"), password.size()));
  if (password.empty()) return Problem{name + " is empty"};
  return password;
}

}  // namespace

void declare(Options& options, Globals& globals) {
  options.common_group("Every command");
  auto& url = options.value("-u,--url", "URL", "redis://[USER@]HOST[:PORT][/DB] or unix:///PATH[?db=N]", url_into(globals));
  url.environment = {"CONDOLOCK_URL", "REDIS_URL"};
  options.value("--user", "NAME", "ACL user, if the URL names none", text_into(globals.user)).environment = {
      "CONDOLOCK_USER"};
  options.value("--password-file", "F", "its first line; or set CONDOLOCK_PASSWORD", text_into(globals.password_file))
      .environment = {"CONDOLOCK_PASSWORD_FILE"};
  options.value("--redis-timeout", "D", "for one whole exchange (5s)", duration_into(globals.redis_timeout, Millis(1)))
      .environment = {"CONDOLOCK_REDIS_TIMEOUT"};
  options.value("--namespace", "NS", "opening of every key in Redis (condolock)", text_into(globals.ns)).environment = {
      "CONDOLOCK_NAMESPACE"};
  options.flag("-q,--quiet", "errors only", globals.quiet);
  options.flag("-v,--verbose", "say every decision, also without a terminal", globals.verbose).environment = {
      "CONDOLOCK_VERBOSE"};
  options.value("--color", "WHEN", "auto, always or never (auto)", set_color);
  options.flag("-h,--help", "print this help", globals.help);
}

std::optional<Ending> settle(const Options& options, Globals& globals) {
  const auto ns = checked_namespace(globals.ns);
  if (!ns) {
    const char* source = options.was_given("--namespace") ? "--namespace: " : "the environment's CONDOLOCK_NAMESPACE: ";
    return Ending{exit_code::configuration, source + ns.problem(), ""};
  }

  redis::Target& target = globals.target;
  if (options.was_given("--url") && !target.password.empty()) {
    Console(globals.quiet, globals.verbose, Patience::never_waits)
        .warning("the password in --url can be seen in ps; put the URL into CONDOLOCK_URL");
  }
  if (target.user.empty() || options.was_given("--user")) target.user = globals.user;

  // A file named on the command line, the URL's own, the environment's file, the environment.
  const bool names_file = options.was_given("--password-file");
  if (names_file || (!globals.password_file.empty() && target.password.empty())) {
    const auto password = read_password(globals.password_file);
    if (!password) return Ending{exit_code::configuration, password.problem(), ""};
    target.password = *password;
  }
  for (const char* variable : {"CONDOLOCK_PASSWORD", "REDISCLI_AUTH"}) {
    if (target.password.empty()) target.password = from_environment(variable);
  }
  return std::nullopt;
}

std::unique_ptr<Engine> open_engine(const Globals& globals) { return std::make_unique<redis::RedisEngine>(globals.target); }

}  // namespace condolock::cli
