/**
 * What a transport must give: ordered delivery of structured-cloneable messages in both directions.
 * MessagePort (Electron) and WebSocket (browser) implement it and pass the same test-suite.
 */
export interface Channel {
  send(message: unknown): void;
  /** Returns a function that removes the listener. */
  onMessage(listener: (message: unknown) => void): () => void;
  onClose(listener: () => void): () => void;
  close(): void;
}
