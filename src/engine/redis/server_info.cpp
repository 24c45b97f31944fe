#include "engine/redis/server_info.hpp"

#include <algorithm>

#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock::engine::redis {
namespace {

// "7.0.15" -> 7000015. A missing part counts as 0; each part must be below 1000.
std::int64_t version_number(std::string_view text) {
  std::int64_t out = 0;
  for (int part = 0; part < 3; ++part) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    out = out * 1000 + util::parse_number<std::int64_t>(text.substr(0, dot)).value_or(0);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return out;
}

}  // namespace

ServerInfo::ServerInfo(std::string_view reply) {
  while (!reply.empty()) {
    const std::size_t end = std::min(reply.find("\r\n"), reply.size());
    const std::string_view line = reply.substr(0, end);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) fields_[std::string(line.substr(0, colon))] = line.substr(colon + 1);
    reply.remove_prefix(std::min(end + 2, reply.size()));
  }
}

std::string ServerInfo::operator[](const std::string& name) const {
  const auto found = fields_.find(name);
  return found == fields_.end() ? "" : util::escape(found->second);
}

bool ServerInfo::is_too_old() const { return version_number(version()) < (is_valkey() ? 7'002'000 : 6'002'000); }

std::string ServerInfo::watched_primary() const {
  constexpr std::string_view label = "name=";
  const std::string line = (*this)["master0"];  // "name=m,status=ok,address=10.0.0.1:6379,slaves=0,sentinels=1"
  const std::size_t at = line.find(label);
  if (at == std::string::npos) return "";
  const std::string rest = line.substr(at + label.size());
  return rest.substr(0, rest.find(','));
}

}  // namespace condolock::engine::redis
