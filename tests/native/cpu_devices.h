// The processor as a device in every way it can be: threads and instruction sets.
#pragma once

#include <string>
#include <vector>

#include "device_values.h"
#include "ops/cpu/cpu_device.h"
#include "runner.h"

namespace amalgam::test {

inline const core::CancelToken never;

/// Runs a check for one and two threads and for every instruction set here.
template <typename Check>
void on_all(Check check) {
  using core::InstructionSet;
  for (const InstructionSet set : {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
    if (set > core::best_instruction_set()) continue;
    for (const int threads : {1, 2}) {
      ops::cpu::CpuDevice device(threads, never, set);
      check(device);
    }
  }
}

/// The instruction sets whose results must agree to the bit, each with one thread and with two and three.
template <typename Run>
void equal_everywhere(const std::string& what, Run run) {
  using core::InstructionSet;
  std::vector<InstructionSet> sets;
  for (const InstructionSet set : {InstructionSet::avx2, InstructionSet::avx512}) {
    if (set <= core::best_instruction_set()) sets.push_back(set);
  }
  if (sets.empty()) sets.push_back(InstructionSet::portable);
  ops::cpu::CpuDevice first(1, never, sets[0]);
  const reference::Numbers expected = run(first);
  for (const InstructionSet set : sets) {
    for (const int threads : {1, 2, 3}) {
      ops::cpu::CpuDevice device(threads, never, set);
      if (!same_bits(run(device), expected)) {
        const std::string where = std::string(core::instruction_set_name(set)) + ", " + std::to_string(threads);
        fail(what + " differs: " + where + " threads", AMALGAM_HERE);
      }
    }
  }
}

}  // namespace amalgam::test
