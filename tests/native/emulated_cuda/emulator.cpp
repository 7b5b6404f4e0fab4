#include "emulator.h"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <numeric>
#include <vector>

dim3 threadIdx;
dim3 blockIdx;
dim3 blockDim;
dim3 gridDim;

namespace emulator {

namespace {

constexpr std::size_t stack_bytes = std::size_t{256} << 10;

enum class State { ready, waits_for_warp, waits_for_block, done };

struct Copy {
  void* to;
  const void* from;
  std::size_t bytes;
  bool filled;
};

struct Fibre {
  ucontext_t start;
  jmp_buf place_left;  ///< swapcontext would ask the kernel for the signal mask at every change
  bool started = false;
  std::unique_ptr<std::byte[]> stack = std::make_unique<std::byte[]>(stack_bytes);
  dim3 place;
  unsigned number = 0;
  State state = State::done;
  unsigned exchanges = 0;
  unsigned votes = 0;
  std::vector<Copy> open_group;
  std::deque<std::vector<Copy>> groups;
};

/// Values in exchange: two sets, because a lane may be one exchange ahead of another.
struct Warp {
  std::byte slots[2][warp_size * slot_bytes];
};

struct Block {
  ucontext_t unused;
  jmp_buf scheduler;
  std::vector<std::unique_ptr<Fibre>> fibres;  ///< kept from block to block
  std::vector<Warp> warps;
  std::vector<unsigned char> shared;
  bool any[2] = {false, false};
  Fibre* running = nullptr;
  const std::function<void()>* body = nullptr;
  unsigned threads = 0;
  bool copies_at_once = false;  ///< in every other pair of blocks: a copy may come late or early
};

Block block;

void enter_fibre() {
  (*block.body)();
  block.running->state = State::done;
  _longjmp(block.scheduler, 1);
}

void wait_as(State state) {
  Fibre& fibre = *block.running;
  fibre.state = state;
  if (_setjmp(fibre.place_left) == 0) _longjmp(block.scheduler, 1);
}

/// Runs the fibre until it waits or is done.
void go_on(Fibre& fibre) {
  block.running = &fibre;
  threadIdx = fibre.place;
  if (_setjmp(block.scheduler) != 0) return;
  if (fibre.started) _longjmp(fibre.place_left, 1);
  fibre.started = true;
  swapcontext(&block.unused, &fibre.start);
}

void start_fibre(Fibre& fibre) {
  fibre.state = State::ready;
  fibre.started = false;
  fibre.open_group.clear();
  fibre.groups.clear();
  getcontext(&fibre.start);
  fibre.start.uc_stack.ss_sp = fibre.stack.get();
  fibre.start.uc_stack.ss_size = stack_bytes;
  fibre.start.uc_link = nullptr;
  makecontext(&fibre.start, enter_fibre, 0);
}

/// Lets the fibres [first, end) go on when all that are not done wait for the same. Returns whether they do.
bool release(unsigned first, unsigned end, State waiting) {
  bool some = false;
  for (unsigned i = first; i < end; ++i) {
    const State state = block.fibres[i]->state;
    if (state == State::ready || (state != State::done && state != waiting)) return false;
    some |= state == waiting;
  }
  for (unsigned i = first; some && i < end; ++i) {
    if (block.fibres[i]->state == waiting) block.fibres[i]->state = State::ready;
  }
  return some;
}

/// Runs the warp until none of its fibres can go on by itself. Returns whether one did.
bool run_warp(unsigned warp, bool backwards) {
  const unsigned first = warp * warp_size;
  const unsigned end = std::min(first + warp_size, block.threads);
  bool moved = false;
  do {
    for (unsigned i = first; i < end; ++i) {
      Fibre& fibre = *block.fibres[backwards ? first + end - 1 - i : i];
      if (fibre.state != State::ready) continue;
      moved = true;
      go_on(fibre);
    }
  } while (release(first, end, State::waits_for_warp));
  return moved;
}

void copy_now(const Copy& copy) {
  if (copy.filled) {
    std::memcpy(copy.to, copy.from, copy.bytes);
  } else {
    std::memset(copy.to, 0, copy.bytes);
  }
}

void run_block(unsigned turn) {
  block.copies_at_once = turn % 4 >= 2;
  const unsigned warps = (block.threads + warp_size - 1) / warp_size;
  std::vector<unsigned> order(warps);
  std::iota(order.begin(), order.end(), 0u);
  std::rotate(order.begin(), order.begin() + turn % warps, order.end());
  if (turn % 2 == 1) std::reverse(order.begin(), order.end());
  bool moved = true;
  while (moved) {
    moved = false;
    for (const unsigned warp : order) moved |= run_warp(warp, turn % 3 == 1);
    release(0, block.threads, State::waits_for_block);
  }
  for (unsigned i = 0; i < block.threads; ++i) {
    if (block.fibres[i]->state == State::done) continue;
    std::fprintf(stderr, "emulated kernel: threads wait for each other for ever\n");
    std::abort();
  }
}

}  // namespace

void run_grid(dim3 grid, dim3 size, std::size_t shared_bytes, const std::function<void()>& body) {
  block.threads = size.x * size.y * size.z;
  block.body = &body;
  gridDim = grid;
  blockDim = size;
  while (block.fibres.size() < block.threads) block.fibres.push_back(std::make_unique<Fibre>());
  block.warps.resize((block.threads + warp_size - 1) / warp_size);
  unsigned turn = 0;
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = dim3(x, y, z);
        // What no thread wrote is NaN; 16 bytes of alignment come with the allocation.
        block.shared.assign(shared_bytes, 0xff);
        for (unsigned i = 0; i < block.threads; ++i) {
          Fibre& fibre = *block.fibres[i];
          fibre.number = i;
          fibre.place = dim3(i % size.x, i / size.x % size.y, i / (size.x * size.y));
          fibre.exchanges = 0;
          fibre.votes = 0;
          start_fibre(fibre);
        }
        block.any[0] = block.any[1] = false;
        run_block(turn++);
      }
    }
  }
}

void wait_for_block() { wait_as(State::waits_for_block); }

bool any_in_block(bool value) {
  const unsigned set = block.running->votes++ % 2;
  block.any[set] = block.any[set] || value;
  wait_for_block();
  const bool result = block.any[set];
  wait_for_block();  // all have read it
  block.any[set] = false;
  return result;
}

unsigned lane() { return block.running->number % warp_size; }

const std::byte* exchange_bytes(const void* value, std::size_t bytes) {
  Fibre& fibre = *block.running;
  std::byte* const slots = block.warps[fibre.number / warp_size].slots[fibre.exchanges++ % 2];
  std::memcpy(slots + fibre.number % warp_size * slot_bytes, value, bytes);
  wait_as(State::waits_for_warp);
  return slots;
}

unsigned char* shared_memory() { return block.shared.data(); }

void begin_copy(void* to, const void* from, std::size_t bytes, bool filled) {
  const Copy copy{to, from, bytes, filled};
  if (block.copies_at_once) return copy_now(copy);
  block.running->open_group.push_back(copy);
}

void end_group() {
  block.running->groups.push_back(std::move(block.running->open_group));
  block.running->open_group.clear();
}

void wait_for_groups(std::size_t pending) {
  std::deque<std::vector<Copy>>& groups = block.running->groups;
  while (groups.size() > pending) {
    for (const Copy& copy : groups.front()) copy_now(copy);
    groups.pop_front();
  }
}

}  // namespace emulator
