// The headers of a request or response.

export interface HeaderTableProps {
  readonly headers: Readonly<Record<string, string>>;
  readonly label: string;
}

export function HeaderTable({ headers, label }: HeaderTableProps) {
  return (
    <table class="headers mono" aria-label={label}>
      <tbody>
        {Object.entries(headers).map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
