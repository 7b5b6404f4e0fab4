// Brings the pairs of an evaluation through the model, many at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/cancel.h"
#include "core/journal.h"
#include "core/progress.h"
#include "eval/batch.h"
#include "eval/plan.h"
#include "eval/request.h"
#include "eval/stacks.h"
#include "eval/task.h"
#include "model/model.h"
#include "ops/memory_meter.h"

namespace amalgam::eval {

/// The order of the work: pairs whose subjects have the same stack next to each other, within that the same set, then
/// items.
std::vector<Pair> sorted_work(const std::vector<Pair>& work, const Stacks& stacks);

/// Whether the base model has positions for the item.
bool fits_positions(const Item& item, std::int64_t max_positions);

/// Pairs come in in the order of the work as long as a pass, the slots of the cache and the memory for units have room,
/// and leave when they are done; their lines are on the disk before the next pass.
class Scheduler {
 public:
  /// What it works with; all of it must outlive the scheduler. `cache` may be null when no item needs a slot.
  struct Tools {
    const Request& request;
    const Plan& plan;
    model::Model& model;
    model::KvCache* cache;
    Stacks& stacks;
    core::Journal& journal;
    ops::MemoryMeter& memory;
    core::Progress& progress;
    const core::CancelToken& cancel;
  };
  explicit Scheduler(const Tools& tools);

  void run();
  /// Tokens that went through the model, and pairs with a line.
  std::int64_t tokens() const { return tokens_; }
  std::int64_t done() const { return done_; }

 private:
  struct Running {
    Pair pair;
    StackPlace place;
    std::int64_t slot = -1;
    std::unique_ptr<Task> task;
    std::int64_t tokens = 0;  ///< in the present pass
    double seconds = 0;
  };

  void fill_batch();
  bool admit(Pair pair);
  void collect(double pass_seconds);
  void finish(Running& running, core::Json line);
  core::Json failed_line(Pair pair, const std::string& code, const std::string& message) const;
  std::string described(const Subject& subject) const;

  Tools tools_;
  std::vector<Pair> work_;
  std::size_t next_ = 0;
  std::vector<Running> running_;  ///< in the order of the work, so that the same units stand next to each other
  std::vector<std::int64_t> free_slots_;
  std::vector<core::Json> lines_;
  Batch batch_;
  std::int64_t tokens_ = 0;
  std::int64_t done_ = 0;
};

}  // namespace amalgam::eval
