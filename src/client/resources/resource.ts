// The base class of the resources.

import type { Calls } from '../calls.ts';

/** A resource of the API: a property of the client. */
export class Resource {
  protected readonly calls: Calls;

  constructor(calls: Calls) {
    this.calls = calls;
  }
}
