#include "cli/output/json.hpp"

#include "util/escape.hpp"
#include "util/number.hpp"
#include "util/timestamp.hpp"

namespace condolock::cli {

Json time_json(std::optional<std::int64_t> at) {
  if (!at) return nullptr;
  return {{"ms", *at}, {"rfc3339", util::format_rfc3339(*at)}};
}

Json number_json(std::optional<std::int64_t> number) { return number ? Json(*number) : Json(nullptr); }

Json who_json(std::string_view who) {
  const std::size_t space = who.find(' ');
  return {{"host", std::string(space == std::string_view::npos ? who : who.substr(space + 1))},
          {"pid", number_json(util::parse_number<std::int64_t>(who.substr(0, space)))}};
}

std::string dumped(const Json& json, int indent) {
  return util::escaped_json(json.dump(indent, ' ', false, Json::error_handler_t::replace)) + "\n";
}

}  // namespace condolock::cli
