#include "cli/commands/record_reader.hpp"

#include <fnmatch.h>

#include <algorithm>

#include "cli/args/command_line.hpp"
#include "engine/ask.hpp"
#include "util/escape.hpp"

namespace condolock::cli {

RecordReader::RecordReader(const Globals& globals, const Console& console)
    : globals_(globals), console_(console), engine_(open_engine(globals)) {}

engine::Reply RecordReader::ask(engine::Call call) {
  engine::Reply reply = engine::ask(*engine_, std::move(call), globals_.redis_timeout);
  if (reply.answer && reply.from_primary != true && !warned_) {
    console_.warning(reply.from_primary == false
                         ? "a replica answered, and its data may be old"
                         : "this user may not call ROLE, so this may be old data from a replica (ACL: +role)");
    warned_ = true;
  }
  return reply;
}

std::optional<engine::Failure> RecordReader::records(const std::vector<std::string>& keys,
                                                     const std::function<void(KeyStatus)>& each) {
  for (auto from = keys.begin(); from != keys.end();) {
    const std::vector<std::string> some(from, from + std::min<std::ptrdiff_t>(keys.end() - from, lock::max_records));
    auto answer = lock::decode_records(ask(lock::records_call(globals_.ns, some)), some.size());
    if (!answer) return answer.error();
    for (auto& record : *answer) {
      KeyStatus status{*from++, {}, ""};
      if (!record) {
        const bool is_named = record.error().fault == engine::Fault::malformed;
        status.error = (is_named ? "" : util::escape(status.key) + ": ") + describe(record.error());
        console_.error(status.error);
        exit_code_ = exit_code::of(record.error().fault);
      } else {
        status.record = *std::move(record);
        if (status.record.ahead && !std::exchange(warned_of_clock_, true)) {
          console_.warning(clock_went_back(*status.record.ahead) + " (" + util::escape(status.key) + ")");
        }
      }
      each(std::move(status));
    }
  }
  return std::nullopt;
}

engine::Answered<std::optional<lock::Paused>> RecordReader::pause_of_all() {
  return lock::decode_pause_of_all(ask(lock::records_call(globals_.ns, {})));
}

engine::Answered<lock::History> RecordReader::history(const std::string& key, std::int64_t limit) {
  const lock::Job job = job_of(globals_, key);
  return lock::decode_history(ask(lock::history_call(job, limit)), job);
}

void RecordReader::malformed(const std::string& what) {
  console_.error(what);
  exit_code_ = exit_code::malformed;
}

engine::Answered<std::vector<std::string>> RecordReader::names(const std::optional<std::string>& glob) {
  std::vector<std::string> found;
  lock::Names portion;
  std::size_t read = 0;
  std::int64_t too_long = 0;
  while (!portion.are_last() && read <= most_names) {
    auto answer = lock::decode_names(ask(lock::names_call(globals_.ns, portion.next)));
    if (!answer) return answer.error();
    portion = *std::move(answer);
    read += portion.keys.size() + static_cast<std::size_t>(portion.too_long + portion.expired);
    too_long += portion.too_long;
    for (std::string& key : portion.keys) {
      if (!glob || fnmatch(glob->c_str(), key.c_str(), 0) == 0) found.push_back(std::move(key));
    }
  }
  if (!portion.are_last()) {
    malformed("the namespace " + globals_.ns + " has more keys than " + std::to_string(most_names) +
              "; the most recently used are missing here: reset unused keys, or use several namespaces");
  }
  if (too_long > 0) {
    malformed("the index {" + globals_.ns + "}:index has " + std::to_string(too_long) + " names of more than " +
              std::to_string(lock::longest_key) + " bytes, too long for keys: remove them with redis-cli ZREM");
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace condolock::cli
