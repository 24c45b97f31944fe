#include "lock/record.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "engine/removal.hpp"
#include "lock/reply_reader.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock::lock {
namespace {

constexpr std::int64_t max_portion = 1'000'000;  // of names in one reply
constexpr std::int64_t until_resumed = range::max_number;

class Fields {
 public:
  explicit Fields(ReplyReader& reader) : reader_(reader) {
    for (auto left = reader.number("number of fields", range::not_negative); left > 0 && !reader.at_end(); --left) {
      const std::string name = reader.text();
      values_[name] = reader.text();
    }
  }

  std::string text(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? "" : found->second;
  }
  std::optional<std::int64_t> number(const std::string& name, Range range = range::not_negative) const {
    return reader_.checked("field " + name, text(name), range);
  }
  std::int64_t count(const std::string& name) const { return number(name).value_or(0); }

 private:
  ReplyReader& reader_;
  std::map<std::string, std::string> values_;
};

// "time:operator", as the scripts store it.
Intervention intervention(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto at = util::parse_number<std::int64_t>(text.substr(0, colon));
  const bool known = colon != std::string_view::npos && at && *at >= 0 && *at <= range::max_number;
  return known ? Intervention{std::string(text.substr(colon + 1)), *at} : Intervention{};
}

// The first fields of a reply of status.lua: its time and the pause of all jobs.
struct Head {
  std::int64_t now = 0;
  std::optional<Paused> pause;
};

Head read_head(ReplyReader& reader) {
  Head head;
  head.now = reader.number("time", range::positive);
  const bool is_paused = !reader.text().empty();
  Paused pause;
  pause.left = reader.optional_length("time that the pause has left");
  pause.why = reader.text();
  pause.by = reader.text();
  pause.since = reader.optional_age("time since the pause began");
  pause.all = true;
  if (is_paused) head.pause = std::move(pause);
  return head;
}

bool ends_later(const Paused& one, const Paused& other) { return other.left && (!one.left || *one.left > *other.left); }

std::optional<Paused> read_pause(const Fields& fields, std::int64_t now) {
  const auto until = fields.count("paused_until");
  if (until <= now) return std::nullopt;
  const Intervention by = intervention(fields.text("paused_by"));
  Paused pause{std::nullopt, fields.text("paused_why"), by.by};
  if (until < until_resumed) pause.left = Millis(until - now);
  if (by.at > 0) pause.since = Millis(std::max<std::int64_t>(now - by.at, 0));
  return pause;
}

Record read_record(ReplyReader& reader, std::int64_t now) {
  Record record;
  record.known = true;
  record.now = now;
  for (auto left = reader.number("number of holders", range::not_negative); left > 0 && !reader.at_end(); --left) {
    Holder holder;
    holder.until = reader.number("end of a lease", range::not_negative);
    holder.fence = reader.number("fence of a holder", range::not_negative);
    holder.start = reader.number("start of a holder", range::not_negative);
    if (const std::string revoked = reader.text(); !revoked.empty()) holder.revoked = intervention(revoked);
    holder.who = reader.text();
    record.holders.push_back(std::move(holder));
  }
  record.slots = reader.number("number of slots", range::not_negative);
  record.ahead = reader.optional_length("time that the clock went back");
  const Fields fields(reader);
  record.fence = fields.number("fence");
  record.success_start = fields.number("ok_start");
  record.success_end = fields.number("ok_end");
  record.ended = fields.number("ended");
  record.outcome = fields.text("outcome");
  record.code = fields.number("code", range::exit_code);
  record.took = fields.number("took");
  if (const std::string revoked = fields.text("revoked_by"); !revoked.empty()) record.revoked = intervention(revoked);
  record.failed_at = fields.number("failed_at");
  record.failures_in_a_row = fields.count("failures_in_a_row");
  record.skips = fields.count("skips");
  record.refusals = fields.count("refusals");
  if (const auto at = fields.number("refused_at"); at && !fields.text("refused_why").empty()) {
    record.last_refusal = Refusal{*at, fields.text("refused_who"), refusal_in_words(fields.text("refused_why"))};
  }
  record.runs = fields.count("runs");
  record.failures = fields.count("failures");
  if (const auto length = fields.number("forget_after")) record.forget_after = Millis(*length);
  record.pause = read_pause(fields, now);
  record.freed_until = fields.number("freed_until");
  if (record.freed_until && *record.freed_until <= now) record.freed_until.reset();
  if (record.freed_until) record.freed = intervention(fields.text("freed_by"));
  return record;
}

// Accepts the same numbers as record.lua. A number from 2^53 on could not be incremented there.
std::optional<std::int64_t> parse_time(std::string_view text) {
  const auto number = util::parse_number<std::int64_t>(text);
  return number && *number >= 0 && *number < until_resumed ? number : std::nullopt;
}

bool is_outcome(std::string_view word) {
  static constexpr std::array<std::string_view, 5> words{"success", "failed", "timeout", "lost", "superseded"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

// "fence start end outcome code who", see push_history in change.lua.
std::optional<HistoryEntry> parse_row(std::string_view row) {
  std::array<std::string_view, 5> words;
  for (std::string_view& word : words) {
    const std::size_t space = row.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    word = row.substr(0, space);
    row.remove_prefix(space + 1);
  }
  const auto fence = parse_time(words[0]);
  const auto start = parse_time(words[1]);
  const auto end = parse_time(words[2]);
  const auto code = parse_time(words[4]);
  const bool has_code = code && *code <= range::exit_code.max;
  if (!fence || !start || !end || !is_outcome(words[3]) || (!has_code && words[4] != "-")) return std::nullopt;
  return HistoryEntry{*fence, *start, *end, std::string(words[3]), code, std::string(row)};
}

}  // namespace

std::int64_t Record::live() const {
  return std::count_if(holders.begin(), holders.end(), [&](const Holder& holder) { return is_live(holder); });
}

engine::Call records_call(const std::string& ns, const std::vector<std::string>& keys) {
  const Job none{ns, ""};
  engine::Call call;
  call.script = &scripts::status;
  call.keys = none.keys();
  for (const std::string& key : keys) {
    auto its = none.keys_of_other(key);
    call.keys.insert(call.keys.end(), std::make_move_iterator(its.begin()), std::make_move_iterator(its.end()));
  }
  call.ask_role = true;
  if (keys.size() == 1) call.about = keys.front();
  return call;
}

engine::Answered<std::vector<engine::Answered<Record>>> decode_records(const engine::Reply& reply, std::size_t keys) {
  ReplyReader reader(reply);
  if (reader.failure()) return *reader.failure();
  if (reader.code() != "records") return reader.unexpected();
  const Head head = read_head(reader);
  if (auto failure = reader.take_wrong_number()) return *std::move(failure);
  std::vector<engine::Answered<Record>> records;
  while (records.size() < keys && !reader.at_end()) {
    const std::string kind = reader.text();
    if (kind == "record") {
      Record record = read_record(reader, head.now);
      if (head.pause && (!record.pause || ends_later(*head.pause, *record.pause))) record.pause = head.pause;
      // One bad record must not hide the others. All of its values have been read, so the next record can be read.
      auto wrong = reader.take_wrong_number();
      if (wrong) {
        records.emplace_back(*std::move(wrong));
      } else {
        records.emplace_back(std::move(record));
      }
    } else if (auto refusal = reader.refusal(kind)) {
      records.emplace_back(*std::move(refusal));
    } else if (kind == "none") {
      Record nothing;
      nothing.now = head.now;
      nothing.pause = head.pause;
      records.emplace_back(std::move(nothing));
    } else {
      return reader.unexpected();
    }
  }
  if (!reader.is_whole() || records.empty()) return reader.unexpected();
  return records;
}

engine::Answered<std::optional<Paused>> decode_pause_of_all(const engine::Reply& reply) {
  ReplyReader reader(reply);
  if (reader.failure()) return *reader.failure();
  if (reader.code() != "records") return reader.unexpected();
  Head head = read_head(reader);
  if (auto failure = reader.take_wrong_number()) return *std::move(failure);
  return std::move(head.pause);
}

engine::Call names_call(const std::string& ns, const Names::Position& from, std::int64_t portion) {
  engine::Call call;
  call.script = &scripts::list;
  call.keys = Job{ns, ""}.keys();
  call.args = {from.score, from.after, std::to_string(portion)};
  call.ask_role = true;
  return call;
}

engine::Answered<Names> decode_names(const engine::Reply& reply) {
  ReplyReader reader(reply);
  if (reader.failure()) return *reader.failure();
  if (reader.code() != "names") return reader.unexpected();
  Names names;
  names.next = {reader.text(), ""};
  names.next.after = reader.text();
  names.too_long = reader.number("number of long names", Range{0, max_portion});
  names.expired = reader.number("number of expired names", Range{0, max_portion});
  while (!reader.at_end()) names.keys.push_back(reader.text());
  const bool is_idle = names.keys.empty() && names.too_long == 0 && names.expired == 0;
  if (is_idle && !names.are_last()) return reader.unexpected();  // otherwise the caller would ask forever
  if (!reader.is_whole()) return reader.unexpected();
  return names;
}

engine::Call history_call(const Job& job, std::int64_t limit) {
  engine::Call call;
  call.script = &scripts::history;
  call.keys = job.keys();
  call.args = {std::to_string(limit)};
  call.about = job.key;
  call.ask_role = true;
  return call;
}

engine::Answered<History> decode_history(const engine::Reply& reply, const Job& job) {
  ReplyReader reader(reply);
  if (reader.failure()) return *reader.failure();
  History history;
  history.known = reader.code() == "runs";
  if (!history.known && reader.code() != "none") return reader.unexpected();
  if (history.known) history.now = reader.number("time", range::positive);
  while (!reader.at_end()) {
    auto run = parse_row(reader.text());
    if (!run) {
      return engine::Failure{engine::Fault::malformed, false, false,
                             "the history of " + util::escape(job.key) + " is malformed: it has an invalid row" +
                                 engine::how_to_remove(job.keys().at(1))};
    }
    history.runs.push_back(*std::move(run));
  }
  if (!reader.is_whole()) return reader.unexpected();
  return history;
}

}  // namespace condolock::lock
