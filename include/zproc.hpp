#pragma once

#include <zproc/context.hpp>
#include <zproc/dict.hpp>
#include <zproc/draft.hpp>
#include <zproc/error.hpp>
#include <zproc/event.hpp>
#include <zproc/exit_info.hpp>
#include <zproc/options.hpp>
#include <zproc/process.hpp>
#include <zproc/remote_error.hpp>
#include <zproc/replica.hpp>
#include <zproc/run.hpp>
#include <zproc/snapshot.hpp>
#include <zproc/state.hpp>
#include <zproc/value.hpp>
#include <zproc/watcher.hpp>
