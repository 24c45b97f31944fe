#include "lock/reply_reader.hpp"

#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock::lock {

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
    const std::string key = util::escape(text());
    return engine::Failure{engine::Fault::malformed, false, false,
                           "the record " + key + " is malformed: " + util::escape(text())};
  }
  if (code == "newer") {
    const std::string key = util::escape(text());
    return engine::Failure{
        engine::Fault::malformed, false, false,
        "the record " + key + " has version " + util::escape(text()) + ": upgrade condolock on this host"};
  }
  return std::nullopt;
}

std::string ReplyReader::text() {
  if (at_end()) {
    broken_ = true;
    return "";
  }
  return values_[at_++];
}

std::optional<std::int64_t> ReplyReader::optional_number() {
  const std::string value = text();
  if (value.empty()) return std::nullopt;
  const auto number = util::parse_number<std::int64_t>(value);
  if (!number) broken_ = true;
  return number;
}

std::int64_t ReplyReader::number() {
  const auto number = optional_number();
  if (!number) broken_ = true;
  return number.value_or(0);
}

std::optional<Millis> ReplyReader::optional_millis() {
  const auto number = optional_number();
  if (!number) return std::nullopt;
  return Millis(*number);
}

engine::Failure ReplyReader::unexpected() const {
  return {engine::Fault::unexpected, true, false,
          "the server gave an answer that has no place in the protocol: " + util::escape(code_)};
}

}  // namespace condolock::lock
