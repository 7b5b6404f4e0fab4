#include "eval/scheduler.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

namespace amalgam::eval {

namespace {

const Subject& subject_of(const Request& request, Pair pair) {
  return request.subjects[static_cast<std::size_t>(pair.subject)];
}
const Item& item_of(const Request& request, Pair pair) { return request.items[static_cast<std::size_t>(pair.item)]; }

core::Json line_of(Pair pair) { return core::Json::object({{"subject", pair.subject}, {"item", pair.item}}); }

}  // namespace

std::vector<Pair> sorted_work(const std::vector<Pair>& work, const Stacks& stacks) {
  std::vector<Pair> sorted = work;
  const auto key = [&](Pair pair) {
    const auto [stack, set] = stacks.place(pair.subject);
    return std::tuple(stack, set, pair.item);
  };
  std::ranges::stable_sort(sorted, [&](Pair one, Pair other) { return key(one) < key(other); });
  return sorted;
}

bool fits_positions(const Item& item, std::int64_t max_positions) {
  const bool generates = std::holds_alternative<Generate>(item.ask);
  return (generates ? static_cast<std::int64_t>(item.prompt.size()) : positions_of(item)) <= max_positions;
}

Scheduler::Scheduler(const Tools& tools) : tools_(tools), work_(sorted_work(tools.request.work, tools.stacks)) {
  for (const Pair pair : work_) {
    if (const std::int32_t stack = tools_.stacks.place(pair.subject).stack; stack >= 0) tools_.stacks.expect(stack, 1);
  }
  for (std::int64_t slot = tools_.plan.slots; slot-- > 0;) free_slots_.push_back(slot);
}

void Scheduler::run() {
  tools_.progress.stage("evaluating", static_cast<std::int64_t>(work_.size()), "examples");
  while (next_ < work_.size() || !running_.empty()) {
    tools_.cancel.check();
    fill_batch();
    if (!batch_.is_empty()) {
      const auto started = std::chrono::steady_clock::now();
      batch_.run(tools_.model, tools_.cache);
      tools_.memory.sample();
      tokens_ += batch_.tokens();
      collect(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
    }
    tools_.journal.append(lines_);
    done_ += static_cast<std::int64_t>(lines_.size());
    tools_.progress.advance(static_cast<std::int64_t>(lines_.size()));
    lines_.clear();
  }
}

void Scheduler::fill_batch() {
  batch_.clear();
  const auto add = [&](Running& running) {
    const std::int64_t room = tools_.plan.batch_tokens - batch_.tokens();
    const std::int64_t before = batch_.tokens();
    if (running.task->next_tokens() <= room) running.task->add_to(batch_, room);
    running.tokens = batch_.tokens() - before;
  };
  for (Running& running : running_) add(running);
  while (next_ < work_.size() && batch_.tokens() < tools_.plan.batch_tokens) {
    const std::size_t count = running_.size();
    if (!admit(work_[next_])) return;
    ++next_;
    if (running_.size() > count) add(running_.back());
  }
}

/// Makes a task of the pair, or a line that says why not; false when it has to wait.
bool Scheduler::admit(Pair pair) {
  const Item& item = item_of(tools_.request, pair);
  const StackPlace place = tools_.stacks.place(pair.subject);
  const std::int64_t positions = tools_.model.config().max_positions;
  Running running{.pair = pair, .place = place, .slot = -1, .task = nullptr};
  if (!fits_positions(item, positions)) {
    const bool generates = std::holds_alternative<Generate>(item.ask);
    const std::int64_t needed = generates ? static_cast<std::int64_t>(item.prompt.size()) : positions_of(item);
    finish(running, failed_line(pair, "prompt-too-long",
                                "The prompt" + std::string(generates ? "" : " with its answer") + " takes " +
                                    std::to_string(needed) + " positions, the base model has " +
                                    std::to_string(positions) + "."));
    return true;
  }
  if (longest_sequence(item) > tools_.plan.batch_tokens - batch_.tokens() && !batch_.is_empty()) return false;
  if (needs_slot(item) && free_slots_.empty()) return false;
  const model::UnitStack* units = nullptr;
  if (place.stack >= 0) {
    if (!tools_.stacks.fits(place.stack)) return false;
    units = tools_.stacks.load(tools_.model.device(), place.stack, tools_.cancel);
    if (units == nullptr) {
      const core::Error& failure = tools_.stacks.failure(place.stack);
      finish(running,
             failed_line(pair, failure.code, described(subject_of(tools_.request, pair)) + ": " + failure.what()));
      return true;
    }
  }
  if (needs_slot(item)) {
    running.slot = free_slots_.back();
    free_slots_.pop_back();
  }
  running.task = make_task(item, {running.slot, units, place.set}, positions);
  running_.push_back(std::move(running));
  return true;
}

/// Hands the pass's answers to the tasks, and writes the lines of those that are done.
void Scheduler::collect(double pass_seconds) {
  const double seconds_per_token = pass_seconds / static_cast<double>(batch_.tokens());
  for (Running& running : running_) {
    if (running.tokens == 0) continue;
    running.seconds += seconds_per_token * static_cast<double>(running.tokens);
    if (!running.task->take(batch_)) {
      finish(running,
             failed_line(running.pair, "logits-not-finite",
                         "The logits of " + described(subject_of(tools_.request, running.pair)) + " are not finite."));
    } else if (running.task->is_done()) {
      core::Json line = line_of(running.pair).set("seconds", running.seconds);
      running.task->write_answer(line);
      finish(running, std::move(line));
    }
  }
  std::erase_if(running_, [](const Running& running) { return running.task == nullptr; });
}

void Scheduler::finish(Running& running, core::Json line) {
  lines_.push_back(std::move(line));
  running.task.reset();
  if (running.slot >= 0) free_slots_.push_back(running.slot);
  if (running.place.stack >= 0) tools_.stacks.done(running.place.stack);
}

core::Json Scheduler::failed_line(Pair pair, const std::string& code, const std::string& message) const {
  return line_of(pair).set("problem", code).set("message", message);
}

/// "name (adapters a, b)"
std::string Scheduler::described(const Subject& subject) const {
  if (subject.adapters.empty()) return subject.name;
  std::string text = subject.name + (subject.adapters.size() == 1 ? " (adapter " : " (adapters ");
  for (std::size_t i = 0; i < subject.adapters.size(); ++i) {
    text += (i > 0 ? ", " : "") + tools_.request.adapters[static_cast<std::size_t>(subject.adapters[i])].name;
  }
  return text + ")";
}

}  // namespace amalgam::eval
