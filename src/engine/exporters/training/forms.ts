import { MaskwrightError } from '@shared/contract/errors';
import { type Conversation, conversationProblems, oneAnswerEach } from '@shared/training/conversation';
import { llamaFactoryColumns, llamaFactoryRow, readLlamaFactoryRow } from '@shared/training/llama-factory';
import type { TrainingEngine, TrainingForm } from '@shared/training/manifest';
import { msSwiftRow, readMsSwiftRow } from '@shared/training/ms-swift';
import {
  llamaFactoryPreference,
  msSwiftPreference,
  type Preference,
  preferenceProblems,
  readLlamaFactoryPreference,
  readMsSwiftPreference,
  readTrlPreference,
  trlPreference,
} from '@shared/training/preferences';
import {
  type RlPrompt,
  readTrlRlPrompt,
  readVerlRlPrompt,
  rlPromptProblems,
  trlRlPrompt,
  verlRlPrompt,
} from '@shared/training/rl-prompts';
import { readTrlRow, trlRow } from '@shared/training/trl';
import { readVerlRow, verlRow } from '@shared/training/verl';
import type { ColumnType } from './parquet';

/** How the rows of one form are written for one engine, and read back. */
export interface RowForm<Item> {
  file: string;
  /** Of a Parquet file; null: JSON lines. */
  columns: Readonly<Record<string, ColumnType>> | null;
  /** What is written for one item; more rows where the engine needs them. */
  itemsOf(item: Item): Item[];
  row(item: Item): Record<string, unknown>;
  /** @throws RowError */
  read(row: unknown): Item;
  problems(item: Item): string[];
  conversationOf(item: Item): Conversation;
  /** Extra files by name, as JSON. */
  extra: Readonly<Record<string, unknown>>;
}

/** The versions that rows are made for and were loaded with. */
export const engineVersions: Record<TrainingEngine, string> = {
  'ms-swift': '4.6.0',
  'llama-factory': '0.9.5',
  trl: '1.16.0',
  verl: '0.9.1',
};

const textColumns = { list: { struct: { role: 'string', content: 'string' } } } as const;
const imageColumn = { list: { struct: { image: 'string' } } } as const;
const messageColumn: ColumnType = textColumns;

function datasetInfo(form: TrainingForm, file: string): Record<string, unknown> {
  const ranking = form === 'preferences';
  const { columns, tags } = llamaFactoryColumns;
  return {
    'dataset_info.json': {
      [`maskwright_${form}`]: {
        file_name: file,
        formatting: 'sharegpt',
        ...(ranking ? { ranking } : {}),
        columns: ranking ? { ...columns, chosen: 'chosen', rejected: 'rejected' } : columns,
        tags,
      },
    },
  };
}

const one = <Item>(item: Item): Item[] => [item];

export function sftForm(engine: TrainingEngine): RowForm<Conversation> {
  const shared = {
    columns: null,
    itemsOf: one,
    problems: conversationProblems,
    conversationOf: (conversation: Conversation) => conversation,
    extra: {},
  };
  const file = 'sft.jsonl';
  switch (engine) {
    case 'ms-swift':
      return { ...shared, file, row: msSwiftRow, read: readMsSwiftRow };
    case 'llama-factory':
      return {
        ...shared,
        file,
        itemsOf: oneAnswerEach,
        row: llamaFactoryRow,
        read: readLlamaFactoryRow,
        extra: datasetInfo('sft', file),
      };
    case 'trl':
      return { ...shared, file, row: trlRow, read: readTrlRow };
    case 'verl':
      return {
        ...shared,
        file: 'sft.parquet',
        columns: { messages: messageColumn, images: imageColumn },
        row: verlRow,
        read: readVerlRow,
      };
  }
}

/** Throws INVALID_REQUEST for verl, which has no trainer for pairs. */
export function preferenceForm(engine: TrainingEngine): RowForm<Preference> {
  const shared = {
    columns: null,
    itemsOf: one,
    problems: preferenceProblems,
    conversationOf: ({ chosen }: Preference) => chosen,
    extra: {},
  };
  const file = 'preferences.jsonl';
  switch (engine) {
    case 'ms-swift':
      return { ...shared, file, row: msSwiftPreference, read: readMsSwiftPreference };
    case 'llama-factory':
      return {
        ...shared,
        file,
        row: llamaFactoryPreference,
        read: readLlamaFactoryPreference,
        extra: datasetInfo('preferences', file),
      };
    case 'trl':
      return { ...shared, file, row: trlPreference, read: readTrlPreference };
    case 'verl':
      throw new MaskwrightError('INVALID_REQUEST', 'verl does not train on preferences.', {
        hint: 'Use ms-swift, llama-factory or trl.',
      });
  }
}

/** Throws INVALID_REQUEST for an engine whose prompts come from the environment server alone. */
export function rlPromptForm(engine: TrainingEngine): Omit<RowForm<RlPrompt>, 'itemsOf' | 'conversationOf'> {
  const shared = { problems: rlPromptProblems, extra: {} };
  switch (engine) {
    case 'trl':
      return { ...shared, file: 'rl-prompts.jsonl', columns: null, row: trlRlPrompt, read: readTrlRlPrompt };
    case 'verl':
      return {
        ...shared,
        file: 'rl-prompts.parquet',
        columns: {
          data_source: 'string',
          prompt: messageColumn,
          images: imageColumn,
          ability: 'string',
          reward_model: { struct: { style: 'string', ground_truth: 'string' } },
          agent_name: 'string',
          extra_info: {
            struct: {
              index: 'int32',
              split: 'string',
              need_tools_kwargs: 'boolean',
              tools_kwargs: { struct: { key: 'string', query: 'string' } },
            },
          },
        },
        row: verlRlPrompt,
        read: readVerlRlPrompt,
      };
    case 'ms-swift':
    case 'llama-factory':
      throw new MaskwrightError('INVALID_REQUEST', `There are no rows of RL prompts for ${engine}.`, {
        hint: 'Use verl or trl.',
      });
  }
}
