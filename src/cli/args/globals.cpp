#include "cli/args/globals.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/args/trusted_file.hpp"
#include "lock/job.hpp"
#include "process/heap.hpp"
#include "util/environment.hpp"
#include "util/escape.hpp"

namespace condolock::cli {
namespace {

Options::Set url_into(Globals& globals) {
  return [&globals](std::string_view text) -> std::optional<util::Problem> {
    const auto location = engine::parse_url(text);
    if (!location) return location.error();
    globals.location = *location;
    return std::nullopt;
  };
}

std::optional<util::Problem> set_color(std::string_view text) {
  if (text == "auto") {
    choose_color(Color::automatic);
  } else if (text == "always") {
    choose_color(Color::always);
  } else if (text == "never") {
    choose_color(Color::never);
  } else {
    return util::Problem{"invalid value '" + util::escape(text) + "': use auto, always or never"};
  }
  return std::nullopt;
}

// Reads the first line of the file. `what` begins the text of a problem: "the password file".
util::Result<TrustedFile> read_password(const std::string& what, const std::string& path) {
  auto file = read_trusted(what, path);
  if (!file) return file;
  std::string& text = (*file).text;
  text.resize(std::min(text.find_first_of("\r\n"), text.size()));
  const std::string name = what + " " + util::escape(path);
  if (text.empty()) return util::Problem{name + " has no password on its first line"};
  if (text.find('\0') != std::string::npos) return util::Problem{name + " contains a zero byte: it must be a text file"};
  return file;
}

// A file that holds only the password.
struct PasswordFile {
  std::string_view what;
  std::string path;
  std::string_view way_out;  // ends the text of a problem
};

std::optional<CommandResult> use_file(const PasswordFile& file, Globals& globals, engine::redis::Target& target) {
  const auto password = read_password(std::string(file.what), file.path);
  if (!password) {
    return CommandResult{exit_code::configuration, std::string(password.error().text).append(file.way_out), ""};
  }
  target.password = password->text;
  if (password->is_exposed) globals.exposed_password = {file.what, file.path};
  return std::nullopt;
}

// The file that systemd made for LoadCredential=condolock.password. None if the unit has no such credential.
std::optional<PasswordFile> credential() {
  const std::string directory = util::from_environment("CREDENTIALS_DIRECTORY");
  if (directory.empty()) return std::nullopt;
  std::string path = directory + "/condolock.password";
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) return std::nullopt;
  return PasswordFile{"the credential", std::move(path),
                      " (correct LoadCredential= in the systemd unit, or use --password-file)"};
}

// Uses the first one that is set: --password-file, the password in --url or in its environment variables,
// CONDOLOCK_PASSWORD_FILE, CONDOLOCK_PASSWORD, REDISCLI_AUTH, systemd's credential, the config file's url, the config file's
// password-file. The credential overrides the config file as the environment does: the unit of one service sets it.
std::optional<CommandResult> find_password(const Options& options, Globals& globals, engine::redis::Target& target) {
  using Source = Options::Source;
  const Source file = options.source("--password-file");
  const PasswordFile named{"the password file", globals.password_file, ""};
  const bool url_has_one = !target.password.empty();
  const bool url_is_near = url_has_one && options.source("--url") != Source::config;
  if (file == Source::command_line) return use_file(named, globals, target);
  if (url_is_near) return std::nullopt;
  if (file == Source::environment) return use_file(named, globals, target);
  for (const char* variable : {"CONDOLOCK_PASSWORD", "REDISCLI_AUTH"}) {
    std::string found = util::from_environment(variable);
    if (found.empty()) continue;
    target.password = std::move(found);
    return std::nullopt;
  }
  if (const auto found = credential()) return use_file(*found, globals, target);
  if (!url_has_one) return file == Source::config ? use_file(named, globals, target) : std::nullopt;
  if (!globals.exposed_config.empty()) {
    globals.exposed_password = {"the password in the config file", globals.exposed_config};
  }
  return std::nullopt;
}

std::optional<CommandResult> settle_tls(const Options& options, Globals& globals, engine::redis::Target* target) {
  if (target == nullptr || !target->tls) {
    for (const char* option : {"--tls-cacert", "--tls-cert", "--tls-key", "--tls-sni", "--tls-insecure"}) {
      if (!options.was_given(option)) continue;
      return CommandResult{exit_code::usage, std::string(option) + " needs a URL with TLS: write rediss:// with two s", ""};
    }
    return std::nullopt;
  }
  if (globals.tls.cert.empty() && !globals.tls.key.empty()) {
    return CommandResult{exit_code::configuration, options.named("--tls-key") + " requires --tls-cert", ""};
  }
  target->tls = globals.tls;
  if (globals.tls.insecure) {
    Console(globals.quiet, globals.verbose, Patience::never_waits)
        .warning(options.named("--tls-insecure") + ": the server's certificate is not checked, so anybody may answer");
  }
  return std::nullopt;
}

std::optional<CommandResult> settle_sentinel(const Options& options, Globals& globals, engine::redis::Target* target) {
  if (target == nullptr || target->topology != engine::redis::Topology::sentinel) {
    for (const char* option : {"--sentinel-user", "--sentinel-password-file"}) {
      if (options.was_given(option)) {
        return CommandResult{exit_code::usage, std::string(option) + " needs a URL with redis+sentinel://", ""};
      }
    }
    return std::nullopt;
  }
  target->sentinel_user = globals.sentinel_user;
  if (globals.sentinel_password_file.empty()) return std::nullopt;
  const auto password = read_password("the password file", globals.sentinel_password_file);
  if (!password) return CommandResult{exit_code::configuration, password.error().text, ""};
  target->sentinel_password = password->text;
  if (password->is_exposed) globals.exposed_password = {"the password file", globals.sentinel_password_file};
  return std::nullopt;
}

}  // namespace

std::string Exposure::shown() const { return "other users can read " + std::string(what) + " " + util::escape(path); }

std::string Exposure::remedy() const { return "chmod go-r " + util::shell_quoted(path); }

void declare(Options& options, Globals& globals) {
  options.common_group("Global options");
  auto& url = options.value("-u,--url", "URL", "redis[s]://HOST[:PORT][/DB], file: (see condolock(1))", url_into(globals));
  url.environment = {"CONDOLOCK_URL", "REDIS_URL"};
  options.value("--user", "NAME", "ACL user, unless the URL has one", text_into(globals.user)).environment = {
      "CONDOLOCK_USER"};
  options.value("--password-file", "F", "file with the password on its first line", file_into(globals.password_file))
      .environment = {"CONDOLOCK_PASSWORD_FILE"};
  options
      .value("--redis-timeout", "D", "limit for one request, connecting included (5s)",
             duration_into(globals.redis_timeout, Millis(1)))
      .environment = {"CONDOLOCK_REDIS_TIMEOUT"};
  options.value("--namespace", "NS", "prefix of all keys in Redis (condolock)", text_into(globals.ns)).environment = {
      "CONDOLOCK_NAMESPACE"};
  options.value("--config", "F", "config file (~/.config/condolock/config.toml)", file_into(globals.config)).environment = {
      "CONDOLOCK_CONFIG"};
  options.value("--tls-cacert", "F", "CA file or directory (more TLS options: condolock(1))", text_into(globals.tls.ca));
  options.flag("-q,--quiet", "print errors only", globals.quiet);
  options.flag("-v,--verbose", "print each decision, even off a terminal", globals.verbose).environment = {
      "CONDOLOCK_VERBOSE"};
  options.value("--color", "WHEN", "color output: auto, always or never (auto)", set_color);
  options.flag("-h,--help", "print this help", globals.help);
  options.hidden_group();
  options.value("--tls-cert", "F", "", text_into(globals.tls.cert));
  options.value("--tls-key", "F", "", text_into(globals.tls.key));
  options.value("--tls-sni", "NAME", "", text_into(globals.tls.name));
  options.flag("--tls-insecure", "", globals.tls.insecure);
  options.value("--sentinel-user", "NAME", "", text_into(globals.sentinel_user));
  options.value("--sentinel-password-file", "F", "", file_into(globals.sentinel_password_file));
}

std::optional<CommandResult> settle(const Options& options, Globals& globals) {
  if (globals.verbose && options.source("--verbose") > options.source("--quiet")) globals.quiet = false;
  stamp_lines(globals.verbose);
  const auto ns = lock::checked_namespace(globals.ns);
  if (!ns) return CommandResult{exit_code::configuration, options.named("--namespace") + ": " + ns.error().text, ""};

  if (engine::needs_tls(globals.location)) {
    CommandResult other_program;
    other_program.needs_tls = true;
    return other_program;
  }
  if (const auto problem = engine::unsupported(globals.location)) {
    return CommandResult{exit_code::configuration, options.named("--url") + ": " + problem->text, ""};
  }
  set_server_was_named(options.source("--url") != Options::Source::none);
  const auto warn = [&](const std::string& text) {
    Console(globals.quiet, globals.verbose, Patience::never_waits).warning(text);
  };
  if (const auto warning = engine::warning(globals.location)) warn(*warning);
  auto* target = std::get_if<engine::redis::Target>(&globals.location);
  if (auto result = settle_tls(options, globals, target)) return result;
  if (auto result = settle_sentinel(options, globals, target)) return result;
  if (target == nullptr) return std::nullopt;
  if (options.was_given("--url") && !target->password.empty()) {
    warn(
        "the password in --url is visible in ps; use password-file in /etc/condolock/config.toml (not CONDOLOCK_URL in a "
        "crontab: cron mails it)");
  }
  const bool user_is_nearer = options.source("--user") > options.source("--url");
  if (target->user.empty() || options.was_given("--user") || user_is_nearer) target->user = globals.user;
  if (auto result = find_password(options, globals, *target)) return result;
  if (globals.exposed_password && globals.warns_of_exposure) {
    Console(globals.quiet, globals.verbose, Patience::never_waits)
        .caution(globals.exposed_password->shown() + ": run " + globals.exposed_password->remedy());
  }
  return std::nullopt;
}

std::unique_ptr<engine::Engine> open_engine(const Globals& globals) {
  if (std::holds_alternative<engine::embedded::DatabaseLocation>(globals.location)) process::populate_heap();
  return engine::open(globals.location);
}

}  // namespace condolock::cli
