#include "lock/record.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "lock/answer.hpp"
#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock {
namespace {

constexpr std::int64_t until_resumed = 9007199254740992;  // GREATEST in record.lua

class Fields {
 public:
  explicit Fields(Answer& answer) {
    for (auto left = answer.number(); left > 0 && !answer.at_end(); --left) {
      const std::string name = answer.text();
      values_[name] = answer.text();
    }
  }

  std::string text(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? "" : found->second;
  }
  std::optional<std::int64_t> number(const std::string& name) const { return parse_number<std::int64_t>(text(name)); }
  std::int64_t count(const std::string& name) const { return number(name).value_or(0); }

 private:
  std::map<std::string, std::string> values_;
};

Record read_record(Answer& answer, std::int64_t now) {
  Record record;
  record.known = true;
  record.now = now;
  for (auto left = answer.number(); left > 0 && !answer.at_end(); --left) {
    Holder holder;
    holder.until = answer.number();
    holder.fence = answer.number();
    holder.start = answer.number();
    holder.revoked = !answer.text().empty();
    holder.who = answer.text();
    record.holders.push_back(std::move(holder));
  }
  record.slots = answer.number();
  const Fields fields(answer);
  record.fence = fields.number("fence");
  record.success_start = fields.number("ok_start");
  record.success_end = fields.number("ok_end");
  record.ended = fields.number("ended");
  record.outcome = fields.text("outcome");
  record.code = fields.number("code");
  record.took = fields.number("took");
  record.failed_at = fields.number("failed_at");
  record.fails = fields.count("fails");
  record.skips = fields.count("skips");
  record.runs = fields.count("runs");
  record.failures = fields.count("failures");
  if (const auto until = fields.count("paused_until"); until > record.now) {
    record.pause = Paused{std::nullopt, fields.text("paused_why")};
    if (until < until_resumed) record.pause->left = Millis(until - record.now);
  }
  return record;
}

// As record.lua takes a number; what is more could not be added to.
std::optional<std::int64_t> parse_time(std::string_view text) {
  const auto number = parse_number<std::int64_t>(text);
  return number && *number >= 0 && *number < until_resumed ? number : std::nullopt;
}

bool is_outcome(std::string_view word) {
  static constexpr std::array<std::string_view, 5> words{"success", "failed", "timeout", "lost", "superseded"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

// "fence start end outcome code who", see remember in change.lua.
std::optional<Ended> parse_row(std::string_view row) {
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
  if (!fence || !start || !end || !is_outcome(words[3]) || (!code && words[4] != "-")) return std::nullopt;
  return Ended{*fence, *start, *end, std::string(words[3]), code, std::string(row)};
}

}  // namespace

Call records_call(const std::string& ns, const std::vector<std::string>& keys) {
  const Job none{ns, ""};
  Call call;
  call.script = &scripts::status;
  call.keys = none.keys();
  for (const std::string& key : keys) {
    auto its = none.keys_of_other(key);
    call.keys.insert(call.keys.end(), std::make_move_iterator(its.begin()), std::make_move_iterator(its.end()));
  }
  call.ask_role = true;
  return call;
}

Answered<std::vector<Answered<Record>>> decode_records(const Reply& reply, std::size_t keys) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  if (answer.code() != "records") return answer.unexpected();
  const std::int64_t now = answer.number();
  std::vector<Answered<Record>> records;
  while (records.size() < keys && !answer.at_end()) {
    const std::string kind = answer.text();
    if (kind == "record") {
      records.emplace_back(read_record(answer, now));
    } else if (auto refusal = answer.refusal(kind)) {
      records.emplace_back(*std::move(refusal));
    } else if (kind == "none") {
      Record nothing;
      nothing.now = now;
      records.emplace_back(std::move(nothing));
    } else {
      return answer.unexpected();
    }
  }
  if (!answer.is_whole() || records.empty()) return answer.unexpected();
  return records;
}

Call names_call(const std::string& ns, const std::string& from, std::int64_t portion) {
  Call call;
  call.script = &scripts::list;
  call.keys = Job{ns, ""}.keys();
  call.args = {from, std::to_string(portion)};
  call.ask_role = true;
  return call;
}

Answered<Names> decode_names(const Reply& reply) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  if (answer.code() != "names") return answer.unexpected();
  Names names;
  names.on = answer.text();
  while (!answer.at_end()) names.keys.push_back(answer.text());
  if (!answer.is_whole()) return answer.unexpected();
  return names;
}

Call history_call(const Job& job, std::int64_t limit) {
  Call call;
  call.script = &scripts::history;
  call.keys = job.keys();
  call.args = {std::to_string(limit)};
  call.ask_role = true;
  return call;
}

Answered<History> decode_history(const Reply& reply, const Job& job) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  History history;
  history.known = answer.code() == "runs";
  if (!history.known && answer.code() != "none") return answer.unexpected();
  if (history.known) history.now = answer.number();
  while (!answer.at_end()) {
    auto run = parse_row(answer.text());
    if (!run) {
      return Failure{Fault::malformed, false, false,
                     "the history of " + escape(job.key) + " is malformed: it has a row that is no run"};
    }
    history.runs.push_back(*std::move(run));
  }
  if (!answer.is_whole()) return answer.unexpected();
  return history;
}

}  // namespace condolock
