#include "lock/answer.hpp"

#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock {

Answer::Answer(const Reply& reply) {
  if (const auto* failure = std::get_if<Failure>(&reply.answer)) {
    failure_ = *failure;
    return;
  }
  values_ = std::get<Values>(reply.answer);
  code_ = text();
  failure_ = refusal(code_);
}

std::optional<Failure> Answer::refusal(const std::string& code) {
  if (code == "malformed") {
    const std::string key = escape(text());
    return Failure{Fault::malformed, false, false, "the record " + key + " is malformed: " + escape(text())};
  }
  if (code == "newer") {
    const std::string key = escape(text());
    return Failure{Fault::malformed, false, false,
                   "the record " + key + " has version " + escape(text()) + ": upgrade condolock on this host"};
  }
  return std::nullopt;
}

std::string Answer::text() {
  if (at_end()) {
    broken_ = true;
    return "";
  }
  return values_[at_++];
}

std::optional<std::int64_t> Answer::optional_number() {
  const std::string value = text();
  if (value.empty()) return std::nullopt;
  const auto number = parse_number<std::int64_t>(value);
  if (!number) broken_ = true;
  return number;
}

std::int64_t Answer::number() {
  const auto number = optional_number();
  if (!number) broken_ = true;
  return number.value_or(0);
}

std::optional<Millis> Answer::optional_millis() {
  const auto number = optional_number();
  if (!number) return std::nullopt;
  return Millis(*number);
}

Failure Answer::unexpected() const {
  return {Fault::unexpected, true, false, "the server gave an answer that has no place in the protocol: " + escape(code_)};
}

}  // namespace condolock
