// URLs: a URL can be put together again from its parts, and no message contains a password.
#include "fuzz.hpp"

#include "engine/open.hpp"

using namespace condolock;

namespace {

std::string percent_encoded(std::string_view text, std::string_view kept = "") {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out.append("%").append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
    }
  }
  return out;
}

std::string host_of(const engine::redis::Target& target) {
  if (target.host.find(':') == std::string::npos) return target.host;
  const std::size_t zone = std::min(target.host.find('%'), target.host.size());
  return "[" + target.host.substr(0, zone) + percent_encoded(target.host.substr(zone)) + "]";
}

std::string url_of(const engine::redis::Target& target) {
  const std::string credentials = percent_encoded(target.user) + ":" + percent_encoded(target.password) + "@";
  const std::string database = std::to_string(target.database);
  if (target.host.empty()) return "unix://" + credentials + percent_encoded(target.path, "/") + "?db=" + database;
  return "redis://" + credentials + host_of(target) + ":" + std::to_string(target.port) + "/" + database;
}

void check_target(const engine::redis::Target& target) {
  fuzz::must(target.database >= 0 && target.port > 0 && target.path.size() <= 107, "a part of a URL is out of range");
  const auto again = engine::redis::parse_url(url_of(target));
  fuzz::must(again.has_value(), "a URL cannot be put together again");
  fuzz::must(again->host == target.host && again->port == target.port && again->path == target.path, "another address");
  fuzz::must(again->database == target.database, "another database");
  fuzz::must(again->user == target.user && again->password == target.password, "other credentials");
}

// `secret` is only between a colon and an @, so it is a password or a part of one.
bool hides_secret(std::string_view url) {
  const std::size_t start = url.find("://");
  const std::size_t at = url.find(fuzz::secret);
  if (url.starts_with("file:") || start == std::string_view::npos || at == std::string_view::npos ||
      at != url.rfind(fuzz::secret))
    return false;
  const std::size_t colon = url.find(':', start + 3);
  return !url.substr(start + 3).starts_with('/') && colon < at && url.rfind('@') != std::string_view::npos &&
         url.rfind('@') > at;
}

}  // namespace

void fuzz::check(std::string_view input) {
  const auto location = engine::parse_url(input);
  const std::string redacted = engine::redis::without_password(input);
  must(redacted.size() <= input.size(), "the URL without its password is longer");
  must(engine::redis::without_password(redacted) == redacted, "there was another password");
  if (hides_secret(input)) must(redacted.find(secret) == std::string::npos, "a password is left in the URL");
  if (!location) {
    must_be_message(location.error().text);
    must(location.error().text.find(secret) == std::string::npos || input.starts_with("file:"),
         "the message repeats the URL");
    return;
  }
  const bool in_path = input.find(secret) > input.find('/', input.find("://") + 3);
  if (hides_secret(input) && !in_path)
    must(engine::shown(*location).find(secret) == std::string::npos, "a password is shown");
  if (const auto* target = std::get_if<engine::redis::Target>(&*location)) check_target(*target);
}
