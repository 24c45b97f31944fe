#include "lock/reply_reader.hpp"

#include <algorithm>

#include "engine/removal.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock::lock {
namespace {

constexpr Range any_age{-range::max_number, range::max_number};

// Quotes a text of the server in a message. The server may send megabytes.
std::string excerpt(std::string_view text, std::size_t max_bytes = 100) {
  return util::escape(text.substr(0, max_bytes)) + (text.size() > max_bytes ? "..." : "");
}

constexpr std::size_t max_key_bytes = 1200;  // a Redis key: at most 1,024 bytes of a job's key, its namespace and its kind

}  // namespace

ReplyReader::ReplyReader(const engine::Reply& reply) {
  if (!reply.answer) {
    failure_ = reply.answer.error();
    return;
  }
  values_ = *reply.answer;
  code_ = text();
  failure_ = refusal(code_);
}

std::optional<engine::Failure> ReplyReader::refusal(const std::string& code) {
  if (code == "malformed") {
    const std::string key = text();
    const std::string why = excerpt(text());
    return engine::Failure{
        engine::Fault::malformed, false, false,
        "the record " + excerpt(key, max_key_bytes) + " is malformed: " + why + engine::how_to_remove(key)};
  }
  if (code == "newer") {
    const std::string key = excerpt(text(), max_key_bytes);
    return engine::Failure{engine::Fault::malformed, false, false,
                           "the record " + key + " has version " + excerpt(text()) + ": upgrade condolock on this host"};
  }
  return std::nullopt;
}

std::string ReplyReader::text() {
  if (at_end()) {
    missing_ = true;
    return "";
  }
  return values_[at_++];
}

std::optional<std::int64_t> ReplyReader::checked(std::string_view what, std::string_view text, Range range) {
  if (text.empty()) return std::nullopt;
  const auto number = util::parse_number<std::int64_t>(text);
  if (number && *number >= range.min && *number <= range.max) return number;
  if (wrong_.empty()) {
    wrong_ = "the " + std::string(what) + " '" + excerpt(text) + "', which must be a number from " +
             std::to_string(range.min) + " to " + std::to_string(range.max);
  }
  return std::nullopt;
}

std::optional<std::int64_t> ReplyReader::optional_number(std::string_view what, Range range) {
  return checked(what, text(), range);
}

std::int64_t ReplyReader::number(std::string_view what, Range range) {
  const std::string value = text();
  if (value.empty()) missing_ = true;
  return checked(what, value, range).value_or(range.min);
}

std::optional<Millis> ReplyReader::optional_length(std::string_view what) {
  const auto number = optional_number(what, range::not_negative);
  if (!number) return std::nullopt;
  return Millis(*number);
}

Millis ReplyReader::age(std::string_view what) { return Millis(std::max<std::int64_t>(number(what, any_age), 0)); }

std::optional<Millis> ReplyReader::optional_age(std::string_view what) {
  const auto number = optional_number(what, any_age);
  if (!number) return std::nullopt;
  return Millis(std::max<std::int64_t>(*number, 0));
}

engine::Failure ReplyReader::unexpected() const {
  std::string text = "the server sent an unexpected reply: " + excerpt(code_);
  if (!wrong_.empty()) text = "the server answered " + excerpt(code_) + " with " + wrong_;
  return {engine::Fault::unexpected, true, false, std::move(text)};
}

std::optional<engine::Failure> ReplyReader::take_wrong_number() {
  if (wrong_.empty()) return std::nullopt;
  engine::Failure failure = unexpected();
  wrong_.clear();
  return failure;
}

}  // namespace condolock::lock
