#include "cli/globals.hpp"

#include <algorithm>

#include "cli/trusted_file.hpp"
#include "engine/redis/redis_engine.hpp"
#ifdef CONDOLOCK_EMBEDDED
#include "engine/embedded/embedded_engine.hpp"
#endif
#include "lock/job.hpp"
#include "util/environment.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

Options::Set url_into(Globals& globals) {
  return [&globals](std::string_view text) -> std::optional<Problem> {
    if (redis::is_unsupported(text)) {
      return Problem{"this version opens redis://, unix:// and file: only, not TLS, Sentinel or Cluster"};
    }
    globals.place.reset();
    if (embedded::is_place(text)) {
      const auto place = embedded::parse_place(text);
      if (!place) return Problem{place.problem()};
      globals.place = *place;
      return std::nullopt;
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

// The first line.
Result<std::string> read_password(const std::string& path) {
  auto text = read_trusted("the password file", path);
  if (!text) return text;
  (*text).resize(std::min(text->find_first_of("\r\n"), text->size()));
  if (text->empty()) return Problem{"the password file " + escape(path) + " is empty"};
  return text;
}

// From the first that has one: a file named on the command line, the URL, the environment's file, the environment; a URL and
// a file of the config file come behind these.
std::optional<Ending> find_password(const Options& options, Globals& globals) {
  using Source = Options::Source;
  const Source file = options.source("--password-file");
  const bool url_has_one = !globals.target.password.empty();
  const bool url_is_near = url_has_one && options.source("--url") != Source::config;
  std::string found;
  bool from_file = file == Source::command_line || (file == Source::environment && !url_is_near);
  if (!from_file && url_is_near) return std::nullopt;
  if (!from_file) {
    for (const char* variable : {"CONDOLOCK_PASSWORD", "REDISCLI_AUTH"}) {
      if (found.empty()) found = from_environment(variable);
    }
    from_file = found.empty() && !url_has_one && file == Source::config;
  }
  if (from_file) {
    const auto password = read_password(globals.password_file);
    if (!password) return Ending{exit_code::configuration, password.problem(), ""};
    found = *password;
  }
  if (!found.empty()) globals.target.password = found;
  return std::nullopt;
}

std::optional<Ending> settle_place(const Options& options, const Globals& globals) {
#ifdef CONDOLOCK_EMBEDDED
  if (const auto network = embedded::network_file_system(*globals.place)) {
    Console(globals.quiet, globals.verbose, Patience::never_waits)
        .warning(escape(globals.place->directory) + " is on " + *network +
                 ", where locks between machines do not hold: name a directory on a local disk");
  }
  static_cast<void>(options);
  return std::nullopt;
#else
  static_cast<void>(globals);
  return Ending{
      exit_code::configuration,
      options.named("--url") +
          ": this build of condolock has no engine for file:; build it with CONDOLOCK_EMBEDDED on, or name a Redis",
      ""};
#endif
}

}  // namespace

void declare(Options& options, Globals& globals) {
  options.common_group("Every command");
  auto& url = options.value("-u,--url", "URL", "redis://[USER@]HOST[:PORT][/DB], unix:///PATH, file:", url_into(globals));
  url.environment = {"CONDOLOCK_URL", "REDIS_URL"};
  options.value("--user", "NAME", "ACL user, if the URL names none", text_into(globals.user)).environment = {
      "CONDOLOCK_USER"};
  options.value("--password-file", "F", "its first line; or set CONDOLOCK_PASSWORD", text_into(globals.password_file))
      .environment = {"CONDOLOCK_PASSWORD_FILE"};
  options.value("--redis-timeout", "D", "for one whole exchange (5s)", duration_into(globals.redis_timeout, Millis(1)))
      .environment = {"CONDOLOCK_REDIS_TIMEOUT"};
  options.value("--namespace", "NS", "opening of every key in Redis (condolock)", text_into(globals.ns)).environment = {
      "CONDOLOCK_NAMESPACE"};
  options
      .value("--config", "F", "defaults of options (~/.config/condolock/config.toml)",
             [&globals](std::string_view text) -> std::optional<Problem> {
               globals.config = text;
               return std::nullopt;
             })
      .environment = {"CONDOLOCK_CONFIG"};
  options.flag("-q,--quiet", "errors only", globals.quiet);
  options.flag("-v,--verbose", "say every decision, also without a terminal", globals.verbose).environment = {
      "CONDOLOCK_VERBOSE"};
  options.value("--color", "WHEN", "auto, always or never (auto)", set_color);
  options.flag("-h,--help", "print this help", globals.help);
}

std::optional<Ending> settle(const Options& options, Globals& globals) {
  if (globals.verbose && options.source("--verbose") > options.source("--quiet")) globals.quiet = false;
  const auto ns = checked_namespace(globals.ns);
  if (!ns) return Ending{exit_code::configuration, options.named("--namespace") + ": " + ns.problem(), ""};

  redis::Target& target = globals.target;
  if (options.was_given("--url") && !target.password.empty()) {
    Console(globals.quiet, globals.verbose, Patience::never_waits)
        .warning("the password in --url can be seen in ps; put the URL into CONDOLOCK_URL");
  }
  const bool user_is_nearer = options.source("--user") > options.source("--url");
  if (target.user.empty() || options.was_given("--user") || user_is_nearer) target.user = globals.user;
  if (globals.place) return settle_place(options, globals);
  return find_password(options, globals);
}

std::unique_ptr<Engine> open_engine(const Globals& globals) {
#ifdef CONDOLOCK_EMBEDDED
  if (globals.place) return std::make_unique<embedded::EmbeddedEngine>(*globals.place);
#endif
  return std::make_unique<redis::RedisEngine>(globals.target);
}

}  // namespace condolock::cli
