// What a Model is made of, for those that pass through it: itself, and LearnPass.
#pragma once

#include "model/config.h"
#include "model/model.h"
#include "model/rope_tables.h"
#include "model/weights.h"
#include "model/workspace.h"
#include "ops/device.h"

namespace amalgam::model {

struct Model::Parts {
  ops::Device& device;
  Config config;
  Weights weights;
  RopeTables rope;
  Workspace workspace;
};

}  // namespace amalgam::model
