// The plan of memory: what gives way first, and what is said when nothing can.
#include "core/error.h"
#include "core/shown_bytes.h"
#include "eval/plan.h"
#include "runner.h"

using namespace amalgam;
using eval::Costs;
using eval::Plan;
using eval::Wishes;

namespace {

/// 1000 bytes of weights, 10 for a slot, 2 for a token.
Costs costs(std::vector<std::size_t> stacks) {
  return {.weights = 1000,
          .stacks = std::move(stacks),
          .cache = [](std::int64_t slots) { return static_cast<std::size_t>(slots * 10); },
          .activations = [](std::int64_t tokens) { return static_cast<std::size_t>(tokens * 2); }};
}

Wishes wishes(std::uint64_t free) {
  return {
      .batch_tokens = 512, .least_batch_tokens = 20, .slots = 64, .free_bytes = free, .most_bytes = 0, .device = "cpu"};
}

}  // namespace

TEST("with room everything is as wished, and all stacks stay") {
  const Plan plan = eval::make_plan(costs({100, 300, 200}), wishes(100000));
  CHECK_EQ(plan.batch_tokens, 512);
  CHECK_EQ(plan.slots, 64);
  CHECK_EQ(plan.unit_bytes, std::size_t{600});
  CHECK_EQ(plan.estimate.total(), std::size_t{1000 + 600 + 640 + 1024});
  CHECK_EQ(plan.estimate.to_json().dump(),
           R"({"weights":1000,"units":600,"cache":640,"activations":1024,"total":3264,"free":100000})");
}

TEST("stacks share what is left, never less than the largest of them") {
  const Plan plan = eval::make_plan(costs({100, 300, 200}), wishes(1000 + 640 + 1024 + 450));
  CHECK_EQ(plan.batch_tokens, 512);
  CHECK_EQ(plan.slots, 64);
  CHECK_EQ(plan.unit_bytes, std::size_t{450});
}

TEST("passes and cache are halved, the larger first, down to one sequence") {
  const Plan half = eval::make_plan(costs({300}), wishes(1000 + 300 + 640 + 600));
  CHECK_EQ(half.batch_tokens, 256);
  CHECK_EQ(half.slots, 64);
  const Plan least = eval::make_plan(costs({300}), wishes(1000 + 300 + 10 + 40));
  CHECK_EQ(least.batch_tokens, 20);
  CHECK_EQ(least.slots, 1);
  CHECK_EQ(least.unit_bytes, std::size_t{300});
}

TEST("a pass holds the longest sequence whatever was wished") {
  Wishes wish = wishes(100000);
  wish.batch_tokens = 4;
  CHECK_EQ(eval::make_plan(costs({}), wish).batch_tokens, 20);
}

TEST("too little memory is refused with what to try") {
  const auto refusal = [](std::vector<std::size_t> stacks, Wishes wish) {
    return std::string(CHECK_ERROR("memory-short", eval::make_plan(costs(std::move(stacks)), wish)).what());
  };
  CHECK_EQ(refusal({}, wishes(1049)),
           "The evaluation needs 1.1 kB on cpu, 1.0 kB are free; try shorter prompts and answers or another device.");
  CHECK_EQ(refusal({300}, wishes(1200)),
           "The evaluation needs 1.4 kB on cpu, 1.2 kB are free; try fewer adapters in one subject or another device.");
  Wishes f32 = wishes(700);
  f32.could_be_bf16 = true;
  f32.device = "cuda:0";
  CHECK_EQ(refusal({}, f32),
           "The evaluation needs 1.1 kB on cuda:0, 700 B are free; try a bf16 checkpoint, a smaller base model or "
           "another device, such as "
           "the processor.");
  Wishes limited = wishes(100000);
  limited.most_bytes = 1040;
  CHECK_EQ(refusal({}, limited),
           "The evaluation needs 1.1 kB on cpu, 1.0 kB are allowed; try a higher limit of memory, shorter prompts and "
           "answers or another "
           "device.");
}

TEST("bytes are shown with two digits at least") {
  CHECK_EQ(core::shown_bytes(0), "0 B");
  CHECK_EQ(core::shown_bytes(999), "999 B");
  CHECK_EQ(core::shown_bytes(1000), "1.0 kB");
  CHECK_EQ(core::shown_bytes(16'100'000'000), "16 GB");
  CHECK_EQ(core::shown_bytes(999'600'000), "1.0 GB");
}
