// The states of a delivery.

export const endedDeliveryStatuses = ['success', 'failed', 'cancelled'] as const;
export type EndedDeliveryStatus = (typeof endedDeliveryStatuses)[number];

export const deliveryStatuses = ['pending', ...endedDeliveryStatuses] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

export const deliveryStatusSchema = { type: 'string', enum: deliveryStatuses } as const;
