/**
 * Checks whether an Indonesian identity number (NIK) stands on a published list, without the number leaving the device.
 *
 * `load` prepares the module and `prepareWorker` a worker, `check` checks, `describeNik` helps a field, `datasets` and `status` say what a
 * service has and how it is; `indexedDbStorage` and `memoryStorage` keep what one check leaves for the next.
 */
export { check } from "./check.js";
export type { CheckOptions, Progress, Settings } from "./check.js";
export { datasets, status } from "./datasets.js";
export type { Dataset, DatasetStatus, DatasetsOptions } from "./datasets.js";
export { CeknikError } from "./error.js";
export type { ErrorCode } from "./error.js";
export { serverAddress } from "./http.js";
export type { Tells, Timeouts } from "./http.js";
export { evidenceQr } from "./evidence.js";
export { indexedDbStorage } from "./indexeddb.js";
export { load } from "./load.js";
export type { ModuleSource } from "./load.js";
export { describeNik } from "./nik.js";
export type { NikDescription, NikFacts, Said } from "./nik.js";
export type {
  Answer,
  List,
  Manifest,
  Outcome,
  Report,
  RequestMade,
  Support,
  Text,
  Trust,
  WarningCode,
} from "./report.js";
export { keepsCheckpoint, keepsList, memoryStorage, shardsOf } from "./storage.js";
export type { Item, Remembered, SeenList, Storage } from "./storage.js";
export type { WorkerMaker } from "./stretching.js";
export { prepareWorker } from "./workers.js";
