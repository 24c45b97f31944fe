#include "lock/job.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "util/escape.hpp"

namespace condolock::lock {
namespace {

std::string host_name() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return host.data();
}

}  // namespace

util::Result<std::string> checked_key(std::string_view text) {
  if (text.empty()) return util::Problem{"a key must not be empty"};
  if (text.size() > longest_key)
    return util::Problem{"a key must have at most " + std::to_string(longest_key) + " bytes, not " +
                         std::to_string(text.size())};
  return std::string(text);
}

util::Result<std::string> checked_namespace(std::string_view text) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  if (text.empty() || text.size() > 64 || text.find_first_not_of(allowed) != std::string_view::npos) {
    return util::Problem{"invalid namespace '" + util::escape(text) + "': use 1 to 64 characters of A-Z a-z 0-9 _ . -"};
  }
  return std::string(text);
}

std::string Job::name(std::string_view kind, const std::string& of) const {
  return "{" + ns + "}:" + std::string(kind) + ":" + of;
}

std::vector<std::string> Job::keys() const {
  return {name("job", key), name("runs", key),   name("retired", key), "{" + ns + "}:index", name("slots", key),
          wake(),           name("starts", key), name("once", key),    name("spare", key),   "{" + ns + "}:pause"};
}

std::vector<std::string> Job::keys_of_other(const std::string& other) const {
  return {name("job", other), name("slots", other)};
}

std::string recorded_host(std::string_view name) { return std::string(name.substr(0, 48)); }

std::string this_holder() { return std::to_string(getpid()) + " " + recorded_host(host_name()); }

std::string this_operator() {
  const char* user = std::getenv("SUDO_USER");
  if (user == nullptr || *user == '\0') user = std::getenv("LOGNAME");
  const std::string name =
      user == nullptr || *user == '\0' ? (getuid() == 0 ? "root" : "uid-" + std::to_string(getuid())) : user;
  std::string word = (name + "@" + host_name()).substr(0, 50);
  for (char& c : word) {
    if (c >= 0 && c <= ' ') c = '_';
  }
  return word;
}

std::string shown_holder(std::string_view who) {
  const std::size_t space = who.find(' ');
  if (space == std::string_view::npos) return who.empty() ? "an unknown host" : util::escape(who);
  return util::escape(who.substr(space + 1)) + " (pid " + util::escape(who.substr(0, space)) + ")";
}

}  // namespace condolock::lock
