// The report's data model as TypeScript sees it. The rules are those of docs/report.schema.json:
// every field may be absent; integers above 32 bits are strings "0x…"; closed lists grow only
// with the schema's version, so an unknown word is shown as it stands.

/** An integer that may need more than 32 bits: `"0x…"`. */
export type Hex = string;
export type Confidence = "certain" | "likely" | "possible";
export type Severity = "critical" | "warning" | "note";
export type How = "context" | "exception" | "trap-frame" | "unwind" | "frame-pointer" | "scan";
export type Gap =
  | "not-present"
  | "not-in-dump"
  | "paged-out"
  | "truncated"
  | "unmapped"
  | "not-read"
  | "read-failed"
  | "not-recorded"
  | "unknown-layout";

export interface Evidence {
  text: string;
  where?: string;
}
export interface Note {
  code: string;
  text: string;
}
export interface Finding {
  id: string;
  severity: Severity;
  confidence: Confidence;
  title: string;
  explanation?: string;
  evidence?: Evidence[];
  advice?: string[];
}

export interface ReportFile {
  name: string;
  size: Hex;
  kind: string;
  kind_label: string;
  truncated?: boolean;
  encrypted?: boolean;
  holds?: string;
  opening?: string;
}
export interface Parameter {
  value: Hex;
  meaning?: string;
  decoded?: string;
}
export interface BugCheck {
  code: number;
  name: string;
  description?: string;
  causes?: string[];
  parameters?: Parameter[];
  subtype?: string;
  next?: string;
  commands?: string[];
  virtual_machine?: string;
  source?: string;
}
/** What the analyzer knows of a code, a name or a line, without a dump. */
export interface Answer {
  kind: string;
  code?: string;
  name: string;
  meaning?: string;
  case?: string;
  causes?: string;
  parameters?: { value?: string; meaning: string; decoded?: string }[];
  next?: string;
  commands?: string[];
  guest?: string;
  family?: string;
  steps?: string[];
}
export interface System {
  os?: string;
  build?: number;
  build_lab?: string;
  architecture?: string;
  product?: string;
  suite?: string[];
  processors?: number;
  crash_time?: string;
  uptime_seconds?: number;
  kernel_base?: Hex;
  processor_name?: string;
  computer_name?: string;
  /** Minutes to add to local time to get UTC, as Windows keeps it; where the dump records it. */
  time_zone_bias_minutes?: number;
}

/** What stands at an address: see crate/core/src/console/explore.rs. */
export interface Shown {
  problem?: string;
  address: Hex;
  start: Hex;
  physical: boolean;
  pointer: number;
  bytes: string;
  gaps: { address: Hex; bytes: Hex; reason: Gap; text: string }[];
  pointers: { offset: number; value: Hex; place?: string }[];
  owners: string[];
  steps: Entry[];
  outcome: string;
  gap?: Gap;
  at?: Hex;
  file_offset?: Hex;
}
/** Code as instructions: see crate/core/src/console/code.rs. */
export interface Listing {
  problem?: string;
  place?: string;
  lines: CodeLine[];
  effects: string[];
  registers?: string;
  values?: [name: string, value: Hex][];
  trap_frame?: Hex;
  from_file?: boolean;
}
export interface CodeLine {
  address: Hex;
  bytes: string;
  text: string;
  target?: string;
  marked?: boolean;
}
/** An entry of the page tables. */
export interface Entry {
  name: string;
  index?: number;
  address: Hex;
  physical: boolean;
  value: Hex;
  meaning: string;
}

export interface Pdb {
  name: string;
  guid: string;
  age: number;
  url: string;
}
export interface Module {
  name: string;
  path?: string;
  base: Hex;
  size: number;
  timestamp?: number;
  timestamp_is_hash?: boolean;
  checksum?: number;
  version?: string;
  pdb?: Pdb;
  image_path?: string;
  vendor?: string;
  purpose?: string;
  microsoft?: boolean;
}
export interface UnloadedModule {
  name: string;
  base: Hex;
  end: Hex;
  time?: string;
}
export interface Exception {
  code: number;
  name?: string;
  address: Hex;
  location?: string;
  information?: Hex[];
  access?: string;
  source?: string;
}
export interface Frame {
  address: Hex;
  stack_pointer?: Hex;
  /** The stack pointer in the frame; on x86 the frame pointer. */
  child?: Hex;
  return_address?: Hex;
  arguments?: Hex[];
  module?: string;
  symbol?: string;
  offset?: Hex;
  how: How;
  confidence: Confidence;
  gap?: Gap;
}
/** Neighbouring frames that do one thing. */
export interface Stretch {
  first: number;
  frames: number;
  kind: string;
  title: string;
  text: string;
  third_party?: boolean;
}
export interface Stack {
  processor?: number;
  thread?: Hex;
  process?: Hex;
  process_name?: string;
  frames?: Frame[];
  stretches?: Stretch[];
  registers?: { name: string; value: Hex }[];
  limits?: string;
  /** Whose it is, where it is not that of the stop. */
  about?: string;
  /** That of a processor that had nothing to do. */
  idle?: boolean;
}
export interface Blame {
  module: string;
  symbol?: string;
  bucket_id?: string;
  failure_hash?: string;
  confidence: Confidence;
  evidence?: Evidence[];
}

/** How the debugger would file the stop. */
export interface Failure {
  symbol_name?: string;
  module_name?: string;
  image_name?: string;
  bucket_id?: string;
  hash?: string;
  confidence: Confidence;
}

/** A file that was put beside the dump. */
export interface SymbolFile {
  name: string;
  kind: "symbols" | "image" | "unusable";
  identity?: string;
  module?: string;
  used: boolean;
  why?: string;
}

/** A file that would tell more. */
export interface WantedSymbol {
  module: string;
  kind: "symbols" | "image";
  path: string;
  why: string;
}

export interface Counter {
  pages?: Hex;
  source?: string;
  confidence?: Confidence;
  gap?: Gap;
}
export interface MemoryDevice {
  locator: string;
  bytes: Hex;
  speed?: number;
  kind?: string;
  manufacturer?: string;
  part?: string;
}
export interface PageFile {
  name: string;
  kind: string;
  size_pages: Hex;
  free_pages: Hex;
  peak_pages?: Hex;
  minimum_pages: Hex;
  maximum_pages: Hex;
}
export interface Process {
  pid?: number;
  parent_pid?: number;
  name?: string;
  session?: number;
  created?: string;
  exited?: string;
  commit_pages?: Hex;
  private_pages?: Hex;
  working_set_pages?: Hex;
  threads?: number;
  address?: Hex;
  confidence?: Confidence;
}
export interface PoolTag {
  tag: string;
  owner?: string;
  paged_bytes: Hex;
  nonpaged_bytes: Hex;
  paged_allocations?: Hex;
  nonpaged_allocations?: Hex;
}
export interface PhysicalRun {
  base_page: Hex;
  pages: Hex;
  stored?: Hex;
  added?: boolean;
}
/** How much of physical memory is in the file, in cells from page 0 on, in thousandths. */
export interface Coverage {
  cell_pages: Hex;
  stored: number[];
  stored_pages: Hex;
}
export interface Memory {
  installed_bytes?: Hex;
  devices?: MemoryDevice[];
  counters?: Record<string, Counter>;
  page_files?: PageFile[];
  processes?: Process[];
  pool_tags?: PoolTag[];
  physical_runs?: PhysicalRun[];
  coverage?: Coverage;
  balloon?: Balloon;
  checks?: { text: string; holds: boolean }[];
  limits?: string[];
}

export interface Hypervisor {
  vendor: string;
  role: string;
  confidence?: Confidence;
  evidence?: Evidence[];
}
export interface Platform {
  manufacturer?: string;
  product?: string;
  version?: string;
  family?: string;
  board_manufacturer?: string;
  board_product?: string;
  bios_vendor?: string;
  bios_version?: string;
  bios_date?: string;
  smbios_version?: string;
  serial?: string;
  uuid?: string;
  asset_tag?: string;
  vm_generation?: number;
  hypervisor?: Hypervisor;
  host_generation?: string[];
  host_evidence?: Evidence[];
  remarks?: string[];
}
export interface Component {
  driver: string;
  purpose: string;
  version?: string;
  built?: string;
  /** Which file it is where neither version nor link time is known. */
  identity?: string;
  signature?: string;
  status: string;
}
/** A service of user mode that belongs to the integration components. */
export interface IntegrationService {
  name: string;
  purpose: string;
  present?: boolean;
  start?: string;
}
export interface IntegrationServices {
  services?: IntegrationService[];
  role?: string;
  components?: Component[];
  guest_os?: string;
  host_generation?: string[];
  installed?: string;
  expected?: string;
  verdict: string;
  confidence?: Confidence;
  explanation?: string;
  advice?: string[];
}

export interface HeaderField {
  offset: Hex;
  name: string;
  value?: string;
  meaning?: string;
  gap?: Gap;
}
export interface SecondaryBlob {
  guid: string;
  label?: string;
  offset: Hex;
  size: number;
  details?: { name: string; value: string }[];
}
export interface Stats {
  rounds?: number;
  reads?: number;
  bytes_read?: Hex;
  elapsed_ms?: number;
  memory_kib?: number;
}

/** What a hypervisor has taken back of a guest's memory. */
export interface Balloon {
  driver: string;
  loaded?: boolean;
  state: "off" | "idle" | "in-use" | "not-giving-back" | "unable" | "unknown";
  confidence?: Confidence;
  explanation?: string;
  host_setting?: boolean;
  locked_pages?: Hex;
  usable_pages?: Hex;
  hot_added_pages?: Hex;
  /** Pages that are in no figure, where the counter of locked pages is not known. */
  not_accounted_pages?: Hex;
  evidence?: Evidence[];
}

export interface RegistryValue {
  key: string;
  name?: string;
  kind?: string;
  data?: string;
  gap?: Gap;
}
export interface Registry {
  hives?: { path: string; gap?: Gap }[];
  values?: RegistryValue[];
}

/** How the stop came about, from the stop back to what has to be mended. */
export interface Story {
  summary: string;
  links: { text: string; confidence: Confidence; evidence?: Evidence[] }[];
  root_cause: string;
  confidence: Confidence;
  advice?: string[];
  alternatives?: { cause: string; tells_apart: string }[];
}

/** Everything that was found in one file. */
export interface Report {
  schema: string;
  file: ReportFile;
  summary?: string;
  error?: Note;
  bugcheck?: BugCheck;
  system?: System;
  platform?: Platform;
  modules?: Module[];
  unloaded_modules?: UnloadedModule[];
  exception?: Exception;
  stack?: Stack;
  stacks?: Stack[];
  blame?: Blame;
  failure?: Failure;
  symbol_files?: SymbolFile[];
  wanted_symbols?: WantedSymbol[];
  memory?: Memory;
  integration_services?: IntegrationServices;
  story?: Story;
  registry?: Registry;
  findings?: Finding[];
  header?: { structure: string; fields?: HeaderField[] };
  secondary_data?: SecondaryBlob[];
  notes?: Note[];
  stats?: Stats;
}

/** What the analyzer says while it works. */
export interface Progress {
  step: string;
  done: number;
  total: number;
  rounds: number;
  reads: number;
  bytesRead: number;
  report?: Report;
}
