#include "lock/record.hpp"

#include <map>

#include "lock/answer.hpp"
#include "util/number.hpp"

namespace condolock {
namespace {

constexpr std::int64_t until_resumed = 9007199254740992;  // GREATEST in record.lua

class Fields {
 public:
  explicit Fields(Answer& answer) {
    while (!answer.at_end()) {
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

}  // namespace

Call status_call(const Job& job) {
  Call call;
  call.script = &scripts::status;
  call.keys = job.keys();
  call.ask_role = true;
  return call;
}

Answered<Record> decode_record(const Reply& reply) {
  Answer answer(reply);
  if (answer.failure()) return *answer.failure();
  if (answer.code() != "record" && answer.code() != "none") return answer.unexpected();
  Record record;
  record.known = answer.code() == "record";
  record.now = answer.number();
  if (record.known) {
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
  }
  const Fields fields(answer);
  if (!answer.is_whole()) return answer.unexpected();
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

}  // namespace condolock
