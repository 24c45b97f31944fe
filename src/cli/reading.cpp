#include "cli/reading.hpp"

#include <fnmatch.h>

#include <algorithm>

#include "cli/key.hpp"
#include "engine/ask.hpp"

namespace condolock::cli {

Reading::Reading(const Globals& globals, const Console& console)
    : globals_(globals), console_(console), engine_(open_engine(globals)) {}

Reply Reading::ask(Call call) {
  Reply reply = condolock::ask(*engine_, std::move(call), globals_.redis_timeout);
  if (std::holds_alternative<Values>(reply.answer) && reply.from_primary != true && !warned_) {
    console_.warning(reply.from_primary == false ? "a replica answered, and what it knows may be old"
                                                 : "this user may not call ROLE, so this may be an old answer of a replica");
    warned_ = true;
  }
  return reply;
}

std::optional<Failure> Reading::records(const std::vector<std::string>& keys, const std::function<void(KeyStatus)>& each) {
  for (auto from = keys.begin(); from != keys.end();) {
    const std::vector<std::string> some(from, from + std::min<std::ptrdiff_t>(keys.end() - from, most_records));
    auto answer = decode_records(ask(records_call(globals_.ns, some)), some.size());
    if (const auto* failure = std::get_if<Failure>(&answer)) return *failure;
    for (auto& record : std::get<std::vector<Answered<Record>>>(answer)) {
      KeyStatus status{*from++, {}, ""};
      if (const auto* failure = std::get_if<Failure>(&record)) {
        status.error = told(*failure);
        console_.error(status.error);
        exit_code_ = exit_code::malformed;
      } else {
        status.record = std::move(std::get<Record>(record));
      }
      each(std::move(status));
    }
  }
  return std::nullopt;
}

Answered<std::vector<std::string>> Reading::names(const std::optional<std::string>& glob) {
  std::vector<std::string> found;
  Names portion{{}, "-inf"};
  while (!portion.on.empty()) {
    auto answer = decode_names(ask(names_call(globals_.ns, portion.on)));
    if (const auto* failure = std::get_if<Failure>(&answer)) return *failure;
    portion = std::move(std::get<Names>(answer));
    for (std::string& key : portion.keys) {
      if (!glob || fnmatch(glob->c_str(), key.c_str(), 0) == 0) found.push_back(std::move(key));
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace condolock::cli
