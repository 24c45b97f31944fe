#include "memory_job.hpp"

#include "engine/ask.hpp"
#include "fuzz.hpp"

using namespace condolock;

namespace fuzz {

MemoryJob::MemoryJob() : engine_(store_, [] { return memory_now * 1000; }) {}

engine::Reply MemoryJob::ask(engine::Call call) {
  const std::string script(call.script->name);
  engine::Reply reply = engine::ask(engine_, std::move(call), Millis(5000));
  if (!reply.answer) must(false, "the script " + script + " fails: " + reply.answer.error().text);
  return reply;
}

bool MemoryJob::command(const std::vector<std::string>& words) {
  using Kind = engine::embedded::Value::Kind;
  return engine::embedded::run_command(store_, memory_now * 1000, words).kind != Kind::error;
}

std::string MemoryJob::stored(WakeUps wake_ups) {
  std::string out;
  for (const std::string& key : store_.keys()) {
    if (wake_ups == WakeUps::left_out && key.find("}:wake:") != std::string::npos) continue;
    const engine::embedded::KeyEntry entry = *store_.entry(key);
    out +=
        key + " " + std::to_string(static_cast<int>(entry.kind)) + " " + std::to_string(entry.expires.value_or(-1)) + "\n";
    for (const auto& [field, value] : entry.fields) out.append(field).append("=").append(value).append("\n");
    for (const auto& item : store_.range(key, {})) {
      out += item.name + "=" + std::to_string(item.score) + " " + item.value.value_or("") + "\n";
    }
  }
  return out;
}

lock::Attempt attempt(const std::string& token, std::int64_t slots) {
  lock::Attempt attempt;
  attempt.job = {"ns", "K"};
  attempt.token = token;
  attempt.who = "1 host";
  attempt.lease = Millis(60'000);
  attempt.slots = slots;
  return attempt;
}

}  // namespace fuzz
