// The events of a streamed response, numbered in their order.

import type { OutputItem, ResponseObject } from '../contract/openai-response.ts';
import type { OutputChange } from './response-output.ts';
import type { StreamMessage } from './services.ts';

type Fields = Readonly<Record<string, unknown>>;

export class ResponseEvents {
  private next = 0;

  /** `type` is `response.created`, or another event about the whole response. */
  whole(type: string, response: ResponseObject): StreamMessage {
    return this.event(type, { response });
  }

  of(change: OutputChange): readonly StreamMessage[] {
    switch (change.kind) {
      case 'added':
        return this.added(change.index, change.item);
      case 'text': {
        const { index, id, text } = change;
        return [
          this.event('response.output_text.delta', { ...textPlace(index, id), delta: text, logprobs: [] }),
        ];
      }
      case 'done':
        return this.done(change.index, change.item);
    }
  }

  /** An error that ends the stream. */
  failure(code: string, message: string): StreamMessage {
    return this.event('error', { code, message, param: null });
  }

  private added(output_index: number, item: OutputItem): readonly StreamMessage[] {
    switch (item.type) {
      case 'message':
        return [
          this.event('response.output_item.added', { output_index, item }),
          this.event('response.content_part.added', {
            ...textPlace(output_index, item.id),
            part: { type: 'output_text', text: '', annotations: [] },
          }),
        ];
      case 'mcp_call':
        return [
          this.event('response.output_item.added', { output_index, item }),
          this.event('response.mcp_call.in_progress', { output_index, item_id: item.id }),
        ];
      case 'function_call':
        return [
          this.event('response.output_item.added', {
            output_index,
            item: { ...item, status: 'in_progress', arguments: '' },
          }),
        ];
      case 'function_call_output':
        return [this.event('response.output_item.added', { output_index, item })];
    }
  }

  private done(output_index: number, item: OutputItem): readonly StreamMessage[] {
    const done = (): StreamMessage => this.event('response.output_item.done', { output_index, item });
    switch (item.type) {
      case 'message': {
        const place = textPlace(output_index, item.id);
        const [part] = item.content;
        return [
          this.event('response.output_text.done', { ...place, text: part?.text ?? '', logprobs: [] }),
          this.event('response.content_part.done', { ...place, part }),
          done(),
        ];
      }
      case 'mcp_call': {
        const { id, status } = item;
        return [this.event(`response.mcp_call.${status}`, { output_index, item_id: id }), done()];
      }
      case 'function_call': {
        const { id, name } = item;
        const call = { output_index, item_id: id };
        return [
          this.event('response.function_call_arguments.delta', { ...call, delta: item.arguments }),
          this.event('response.function_call_arguments.done', { ...call, name, arguments: item.arguments }),
          done(),
        ];
      }
      case 'function_call_output':
        return [done()];
    }
  }

  private event(type: string, fields: Fields): StreamMessage {
    return { event: type, data: { type, sequence_number: this.next++, ...fields } };
  }
}

function textPlace(output_index: number, item_id: string): Fields {
  return { output_index, item_id, content_index: 0 };
}
