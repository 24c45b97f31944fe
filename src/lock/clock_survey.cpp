#include "lock/clock_survey.hpp"

#include <algorithm>

namespace condolock::lock {

engine::Answered<ClockSurvey> survey_clock(const std::string& ns, const engine::Ask& ask) {
  auto names = decode_names(ask(names_call(ns, {}, most_surveyed)));
  if (!names) return names.error();
  ClockSurvey survey;
  for (auto from = names->keys.begin(); from != names->keys.end();) {
    const std::vector<std::string> some(from, from + std::min<std::ptrdiff_t>(names->keys.end() - from, max_records));
    const auto records = decode_records(ask(records_call(ns, some)), some.size());
    if (!records) return records.error();
    for (const auto& record : *records) {
      const std::string& key = *from++;
      if (!record || !record->known) continue;
      ++survey.records;
      if (!record->ahead) continue;
      ++survey.ahead;
      if (*record->ahead <= survey.by) continue;
      survey.by = *record->ahead;
      survey.furthest = key;
    }
  }
  return survey;
}

}  // namespace condolock::lock
