#include "lock/clock_survey.hpp"

#include <algorithm>

namespace condolock::lock {
namespace {

void count(ClockSurvey& survey, const std::string& key, const Record& record) {
  if (!record.known) return;
  ++survey.records;
  if (!record.ahead) return;
  ++survey.ahead;
  if (*record.ahead <= survey.by) return;
  survey.by = *record.ahead;
  survey.furthest = key;
}

}  // namespace

engine::Answered<ClockSurvey> survey_clock(const std::string& ns, const engine::Ask& ask, Instant until) {
  ClockSurvey survey;
  for (Names names; !names.are_last();) {
    auto answer = decode_names(ask(names_call(ns, names.next)));
    if (!answer) return answer.error();
    names = *std::move(answer);
    for (auto from = names.keys.begin(); from != names.keys.end();) {
      if (BootClock::now() >= until) return survey;
      const std::vector<std::string> some(from, from + std::min<std::ptrdiff_t>(names.keys.end() - from, max_records));
      const auto records = decode_records(ask(records_call(ns, some)), some.size());
      if (!records) return records.error();
      for (const auto& record : *records) {
        if (record) count(survey, *from, *record);
        ++from;
      }
    }
  }
  survey.is_whole = true;
  return survey;
}

}  // namespace condolock::lock
