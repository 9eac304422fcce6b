// The icons, drawn on a grid of 16.

const shapes = {
  brand: 'M6 4 2.5 8 6 12M10 4l3.5 4-3.5 4',
  overview: 'M2 9h4V2H2zM10 14h4V7h-4zM2 14h4v-2H2zM10 4h4V2h-4z',
  sessions: 'M2 3h12v8H7l-3 3v-3H2z',
  permissions:
    'M8 1.5 13.5 4v4c0 3.5-2.5 5.5-5.5 6.5C5 13.500 2.500 11.500 2.500 8V4zM6 8l1.500 1.500L10.500 6.500',
  events: 'M1.500 8h3l2-5 3 10 2-5h3',
  webhooks: 'M5 6.500a3 3 0 1 1 5-2L7.500 9M9.500 10.500H13M4.500 7.500a3 3 0 1 0 2.500 5l2.500-.500',
  deliveries: 'M14.500 1.500 7 9M14.500 1.500 10 14.500 7 9 1.500 6z',
  triggers: 'M9 1.500 3.500 9H8l-1 5.500L12.500 7H8z',
  files: 'M1.500 3.500h5l1.500 2h6.500v8h-13z',
  tools: 'M10 2a3.500 3.500 0 0 0-3 5L2 12l2 2 5-5a3.500 3.500 0 0 0 4.500-4.500L11.500 6.500l-2-2z',
  settings:
    'M8 5.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zM8 1.500v2M8 12.500v2M1.500 8h2M12.500 8h2M3.400 3.400l1.400 1.400M11.200 11.200l1.400 1.400M12.600 3.400l-1.400 1.400M4.800 11.200l-1.400 1.400',
  search: 'M7 2.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM10.500 10.500 14 14',
  close: 'M4 4l8 8M12 4l-8 8',
  open: 'M6 4l4 4-4 4',
  check: 'M3 8.500 6.500 12 13 4.500',
  alert: 'M8 2 1.500 13.500h13zM8 6.500v3M8 11.500v.1',
  copy: 'M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3',
  theme: 'M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12',
  leave: 'M6 2.500H2.500v11H6M10.500 5l3 3-3 3M13 8H6',
} as const;

export type IconName = keyof typeof shapes;

/** Decoration: the text beside it says the same. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={shapes[name]} />
    </svg>
  );
}
